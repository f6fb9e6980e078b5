complete -c mq-pub -s h -l host -d 'the broker\'s host name or address [default: localhost]' -r -f -a "(__fish_print_hostnames)"
complete -c mq-pub -s p -l port -d 'the broker\'s port [default: 1883, or 8883 with --cafile or --capath]' -r -f
complete -c mq-pub -s L -l url -d 'broker, login and topic at once: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC, or with mqtts, ws or wss' -r -f
complete -c mq-pub -l unix -d 'connect to a Unix domain socket instead' -r -F
complete -c mq-pub -l proxy -d 'connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]' -r -f
complete -c mq-pub -s A -d 'connect from this host name or address' -r -f
complete -c mq-pub -s k -l keepalive -d 'the keep alive, 5 to 65535 [default: 60]' -r -f
complete -c mq-pub -s V -l protocol-version -d 'mqttv31, mqttv311 or mqttv5, or just 31, 311 or 5 [default: 311]' -r -f -a "mqttv31\t''
mqttv311\t''
mqttv5\t''
31\t''
311\t''
5\t''"
complete -c mq-pub -l cafile -d 'trust the certificates in this PEM file, and speak TLS' -r -F
complete -c mq-pub -l capath -d 'trust the certificates in all PEM files of this folder, and speak TLS' -r -f -a "(__fish_complete_directories)"
complete -c mq-pub -l cert -d 'the client\'s own certificate, a PEM file' -r -F
complete -c mq-pub -l key -d 'the private key of the client\'s certificate, a PEM file' -r -F
complete -c mq-pub -l tls-version -d 'tlsv1.2 for 1.2 and newer, or tlsv1.3 for that only [default: tlsv1.2]' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c mq-pub -l ciphers -d 'the ciphers of TLS 1.2, or of 1.3 with --tls-version tlsv1.3, as OpenSSL writes them' -r -f
complete -c mq-pub -l tls-alpn -d 'the application protocol to ask for' -r -f
complete -c mq-pub -l tls-keylog -d 'append the session keys to a file, to decrypt a recording' -r -F
complete -c mq-pub -l keyform -d 'the kind of the key: only pem is supported' -r -f
complete -c mq-pub -l psk -d 'a pre-shared key: not supported' -r -f
complete -c mq-pub -l psk-identity -d 'the name of the pre-shared key: not supported' -r -f
complete -c mq-pub -l tls-engine -d 'an OpenSSL engine: not supported' -r -f
complete -c mq-pub -l tls-engine-kpass-sha1 -d 'the password of an engine\'s key: not supported' -r -f
complete -c mq-pub -s u -l username -d 'the user name' -r -f
complete -c mq-pub -s P -l pw -d 'the password, for everyone on this machine to see: rather use --pw-file or --pw-env' -r -f
complete -c mq-pub -l pw-file -d 'take the password from the first line of a file' -r -F
complete -c mq-pub -l pw-env -d 'take the password from an environment variable' -r -f
complete -c mq-pub -s i -l id -d 'the client identifier [default: the broker chooses one]' -r -f
complete -c mq-pub -s I -l id-prefix -d 'use the prefix and the process id as the client identifier' -r -f
complete -c mq-pub -s x -d 'how long the session outlives the connection (MQTT 5); -1 for ever' -r -f
complete -c mq-pub -s M -d 'how many QoS 1 and 2 messages are in flight at most [default: 20]' -r -f
complete -c mq-pub -s t -l topic -d 'the topic; mq-sub takes several, with the wildcards + and #' -r -f
complete -c mq-pub -s q -l qos -d 'the QoS: 0, 1 or 2 [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-pub -s m -l message -d 'send this message' -r -f
complete -c mq-pub -s f -l file -d 'send a file\'s contents as one message' -r -F
complete -c mq-pub -l repeat -d 'send the message so many times [default: 1]' -r -f
complete -c mq-pub -l repeat-delay -d 'wait so long between repetitions [default: 0]' -r -f
complete -c mq-pub -s D -l property -d 'an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE' -r
complete -c mq-pub -l will-topic -d 'where the broker publishes the will when the connection is lost' -r -f
complete -c mq-pub -l will-payload -d 'the will\'s message [default: empty]' -r -f
complete -c mq-pub -l will-qos -d 'the will\'s QoS [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-pub -s o -d 'read options from this file, one per line, instead of the one in the user\'s configuration folder' -r -F
complete -c mq-pub -l ws -d 'use MQTT over WebSocket'
complete -c mq-pub -l nodelay -d 'send small packets at once; always the case, taken for compatibility'
complete -c mq-pub -l tls-use-os-certs -d 'trust what the operating system trusts, and speak TLS'
complete -c mq-pub -l insecure -d 'accept any certificate; only for tests'
complete -c mq-pub -l no-tls -d 'do not speak TLS, whatever the other options and the port say'
complete -c mq-pub -s c -l disable-clean-session -d 'keep the session when the connection ends; needs -i'
complete -c mq-pub -s s -l stdin-file -d 'send all of standard input as one message'
complete -c mq-pub -s l -l stdin-line -d 'send each line of standard input as a message'
complete -c mq-pub -s n -l null-message -d 'send an empty message'
complete -c mq-pub -s r -l retain -d 'have the broker retain the message'
complete -c mq-pub -s d -l debug -d 'print each packet sent and received'
complete -c mq-pub -l quiet -d 'print no errors, but those of the command line'
complete -c mq-pub -l will-retain -d 'have the broker retain the will'
complete -c mq-pub -l help -d 'print this help'
complete -c mq-pub -l version -d 'print the version'
