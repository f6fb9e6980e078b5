complete -c mq-pub -s h -l host -d 'host name or address of the broker [default: localhost]' -r -f -a "(__fish_print_hostnames)"
complete -c mq-pub -s p -l port -d 'port of the broker [default: 1883, or 8883 with --cafile or --capath]' -r -f
complete -c mq-pub -s L -l url -d 'broker, login and topic in one: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC; also mqtts, ws and wss' -r -f
complete -c mq-pub -l unix -d 'connect to a Unix domain socket instead' -r -F
complete -c mq-pub -l proxy -d 'connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]' -r -f
complete -c mq-pub -s A -d 'connect from this host name or address' -r -f
complete -c mq-pub -l connect-timeout -d 'give up an attempt to connect after SECONDS [default: 10]' -r -f
complete -c mq-pub -s k -l keepalive -d 'keep alive, 5 to 65535 [default: 60]' -r -f
complete -c mq-pub -s V -l protocol-version -d 'mqttv31, mqttv311 or mqttv5, or 31, 311 or 5 [default: 311]' -r -f -a "mqttv31\t''
mqttv311\t''
mqttv5\t''
31\t''
311\t''
5\t''"
complete -c mq-pub -l cafile -d 'use TLS and trust the certificates in this PEM file' -r -F
complete -c mq-pub -l capath -d 'use TLS and trust the certificates in all PEM files of this directory' -r -f -a "(__fish_complete_directories)"
complete -c mq-pub -l cert -d 'certificate of the client, a PEM file' -r -F
complete -c mq-pub -l key -d 'private key of the client\'s certificate, a PEM file' -r -F
complete -c mq-pub -l tls-version -d 'tlsv1.2 for TLS 1.2 and newer, tlsv1.3 for TLS 1.3 only [default: tlsv1.2]' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c mq-pub -l ciphers -d 'ciphers of TLS 1.2, or of TLS 1.3 with --tls-version tlsv1.3, by their OpenSSL names' -r -f
complete -c mq-pub -l tls-alpn -d 'application protocol to request' -r -f
complete -c mq-pub -l tls-keylog -d 'log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file' -r -F
complete -c mq-pub -l keyform -d 'form of the private key; only pem is supported' -r -f
complete -c mq-pub -l psk -d 'pre-shared key; not supported' -r -f
complete -c mq-pub -l psk-identity -d 'name of the pre-shared key; not supported' -r -f
complete -c mq-pub -l tls-engine -d 'OpenSSL engine; not supported' -r -f
complete -c mq-pub -l tls-engine-kpass-sha1 -d 'password of an engine\'s key; not supported' -r -f
complete -c mq-pub -s u -l username -d 'user name' -r -f
complete -c mq-pub -s P -l pw -d 'password, which everyone on this machine can see; better use --pw-file or --pw-env' -r -f
complete -c mq-pub -l pw-file -d 'read the password from the first line of FILE' -r -F
complete -c mq-pub -l pw-env -d 'read the password from an environment variable' -r -f
complete -c mq-pub -s i -l id -d 'client identifier [default: the broker assigns one]' -r -f
complete -c mq-pub -s I -l id-prefix -d 'client identifier made of PREFIX and the process id' -r -f
complete -c mq-pub -s x -d 'keep the session for SECONDS after the connection ends (MQTT 5); -1 for ever' -r -f
complete -c mq-pub -s M -d 'maximum number of QoS 1 and 2 messages in flight [default: 20]' -r -f
complete -c mq-pub -s t -l topic -d 'topic; mq-sub accepts several, with the wildcards + and #' -r -f
complete -c mq-pub -s q -l qos -d 'QoS: 0, 1 or 2 [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-pub -s m -l message -d 'send TEXT as the message' -r -f
complete -c mq-pub -s f -l file -d 'send the contents of FILE as one message' -r -F
complete -c mq-pub -l repeat -d 'send the message COUNT times [default: 1]' -r -f
complete -c mq-pub -l repeat-delay -d 'wait SECONDS between repetitions [default: 0]' -r -f
complete -c mq-pub -s D -l property -d 'add an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE' -r
complete -c mq-pub -l will-topic -d 'topic on which the broker publishes the will if the connection is lost' -r -f
complete -c mq-pub -l will-payload -d 'message of the will [default: empty]' -r -f
complete -c mq-pub -l will-qos -d 'QoS of the will [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-pub -s W -d 'exit with status 27 after SECONDS' -r -f
complete -c mq-pub -s o -d 'read options from FILE, one per line, instead of the file in the user\'s configuration directory' -r -F
complete -c mq-pub -l ws -d 'use MQTT over WebSocket'
complete -c mq-pub -l nodelay -d 'send small packets at once; always on, accepted for compatibility'
complete -c mq-pub -l tls-use-os-certs -d 'use TLS and trust the certificates that the operating system trusts'
complete -c mq-pub -l insecure -d 'accept any certificate; for tests only'
complete -c mq-pub -l no-tls -d 'do not use TLS, whatever the other options and the port say'
complete -c mq-pub -s c -l disable-clean-session -d 'keep the session when the connection ends; needs -i'
complete -c mq-pub -s s -l stdin-file -d 'send all of standard input as one message'
complete -c mq-pub -s l -l stdin-line -d 'send each line of standard input as a message'
complete -c mq-pub -s n -l null-message -d 'send an empty message'
complete -c mq-pub -s r -l retain -d 'make the broker retain the message'
complete -c mq-pub -s d -l debug -d 'print each packet sent and received'
complete -c mq-pub -l quiet -d 'print no errors except those of the command line'
complete -c mq-pub -l will-retain -d 'make the broker retain the will'
complete -c mq-pub -l help -d 'print this help'
complete -c mq-pub -l version -d 'print the version'
