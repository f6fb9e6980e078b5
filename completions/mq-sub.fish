complete -c mq-sub -s h -l host -d 'host name or address of the broker [default: localhost]' -r -f -a "(__fish_print_hostnames)"
complete -c mq-sub -s p -l port -d 'port of the broker [default: 1883, or 8883 with --cafile or --capath]' -r -f
complete -c mq-sub -s L -l url -d 'broker, login and topic in one: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC; also mqtts, ws and wss' -r -f
complete -c mq-sub -l unix -d 'connect to a Unix domain socket instead' -r -F
complete -c mq-sub -l proxy -d 'connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]' -r -f
complete -c mq-sub -s A -d 'connect from this host name or address' -r -f
complete -c mq-sub -l connect-timeout -d 'give up an attempt to connect after SECONDS [default: 10]' -r -f
complete -c mq-sub -s k -l keepalive -d 'keep alive, 5 to 65535 [default: 60]' -r -f
complete -c mq-sub -s V -l protocol-version -d 'mqttv31, mqttv311 or mqttv5, or 31, 311 or 5 [default: 311]' -r -f -a "mqttv31\t''
mqttv311\t''
mqttv5\t''
31\t''
311\t''
5\t''"
complete -c mq-sub -l cafile -d 'use TLS and trust the certificates in this PEM file' -r -F
complete -c mq-sub -l capath -d 'use TLS and trust the certificates in all PEM files of this directory' -r -f -a "(__fish_complete_directories)"
complete -c mq-sub -l cert -d 'certificate of the client, a PEM file' -r -F
complete -c mq-sub -l key -d 'private key of the client\'s certificate, a PEM file' -r -F
complete -c mq-sub -l tls-version -d 'tlsv1.2 for TLS 1.2 and newer, tlsv1.3 for TLS 1.3 only [default: tlsv1.2]' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c mq-sub -l ciphers -d 'ciphers of TLS 1.2, or of TLS 1.3 with --tls-version tlsv1.3, by their OpenSSL names' -r -f
complete -c mq-sub -l tls-alpn -d 'application protocol to request' -r -f
complete -c mq-sub -l tls-keylog -d 'log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file' -r -F
complete -c mq-sub -l keyform -d 'form of the private key; only pem is supported' -r -f
complete -c mq-sub -l psk -d 'pre-shared key; not supported' -r -f
complete -c mq-sub -l psk-identity -d 'name of the pre-shared key; not supported' -r -f
complete -c mq-sub -l tls-engine -d 'OpenSSL engine; not supported' -r -f
complete -c mq-sub -l tls-engine-kpass-sha1 -d 'password of an engine\'s key; not supported' -r -f
complete -c mq-sub -s u -l username -d 'user name' -r -f
complete -c mq-sub -s P -l pw -d 'password, which everyone on this machine can see; better use --pw-file or --pw-env' -r -f
complete -c mq-sub -l pw-file -d 'read the password from the first line of FILE' -r -F
complete -c mq-sub -l pw-env -d 'read the password from an environment variable' -r -f
complete -c mq-sub -s i -l id -d 'client identifier [default: the broker assigns one]' -r -f
complete -c mq-sub -s I -l id-prefix -d 'client identifier made of PREFIX and the process id' -r -f
complete -c mq-sub -s x -d 'keep the session for SECONDS after the connection ends (MQTT 5); -1 for ever' -r -f
complete -c mq-sub -s M -d 'maximum number of QoS 1 and 2 messages in flight [default: 20]' -r -f
complete -c mq-sub -s t -l topic -d 'topic; mq-sub accepts several, with the wildcards + and #' -r -f
complete -c mq-sub -s q -l qos -d 'QoS: 0, 1 or 2 [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-sub -s D -l property -d 'add an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE' -r
complete -c mq-sub -s U -l unsubscribe -d 'end the subscription to FILTER of an earlier session; may be repeated' -r -f
complete -c mq-sub -s T -l filter-out -d 'do not print messages on topics that match FILTER; may be repeated' -r -f
complete -c mq-sub -l retain-handling -d 'when to receive retained messages: always, new or never (MQTT 5)' -r -f -a "always\t''
new\t''
never\t''"
complete -c mq-sub -l random-filter -d 'print only PERCENT of the messages, chosen at random' -r -f
complete -c mq-sub -s C -d 'exit after COUNT messages' -r -f
complete -c mq-sub -s F -d 'format of a message, such as \'%I %t %p\'' -r -f
complete -c mq-sub -l will-topic -d 'topic on which the broker publishes the will if the connection is lost' -r -f
complete -c mq-sub -l will-payload -d 'message of the will [default: empty]' -r -f
complete -c mq-sub -l will-qos -d 'QoS of the will [default: 0]' -r -f -a "0\t''
1\t''
2\t''"
complete -c mq-sub -s W -d 'exit with status 27 after SECONDS' -r -f
complete -c mq-sub -s o -d 'read options from FILE, one per line, instead of the file in the user\'s configuration directory' -r -F
complete -c mq-sub -l ws -d 'use MQTT over WebSocket'
complete -c mq-sub -l nodelay -d 'send small packets at once; always on, accepted for compatibility'
complete -c mq-sub -l tls-use-os-certs -d 'use TLS and trust the certificates that the operating system trusts'
complete -c mq-sub -l insecure -d 'accept any certificate; for tests only'
complete -c mq-sub -l no-tls -d 'do not use TLS, whatever the other options and the port say'
complete -c mq-sub -s c -l disable-clean-session -d 'keep the session when the connection ends; needs -i'
complete -c mq-sub -s R -d 'do not print retained messages'
complete -c mq-sub -l retained-only -d 'print retained messages only, and exit at the first other one'
complete -c mq-sub -l remove-retained -d 'clear each retained message on the broker'
complete -c mq-sub -l retain-as-published -d 'keep the retain flag that the message was published with (MQTT 5)'
complete -c mq-sub -l no-local -d 'do not receive messages that this client published itself (MQTT 5)'
complete -c mq-sub -s E -d 'exit as soon as the broker has acknowledged the subscription'
complete -c mq-sub -s v -l verbose -d 'print the topic before each message'
complete -c mq-sub -s N -d 'do not print a line end after a message'
complete -c mq-sub -l pretty -d 'print JSON on several lines'
complete -c mq-sub -l raw -d 'at a terminal, print control characters and binary messages as they are'
complete -c mq-sub -s w -l watch -d 'show the last message of each topic on a line of its own'
complete -c mq-sub -l message-rate -d 'print the number of messages in each second instead of the messages'
complete -c mq-sub -s d -l debug -d 'print each packet sent and received'
complete -c mq-sub -l quiet -d 'print no errors except those of the command line'
complete -c mq-sub -l will-retain -d 'make the broker retain the will'
complete -c mq-sub -l help -d 'print this help'
complete -c mq-sub -l version -d 'print the version'
