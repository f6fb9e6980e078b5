complete -c mq-broker -s c -l config-file -d 'read the configuration from FILE; may be repeated' -r -F
complete -c mq-broker -s p -l port -d 'listen on PORT of this machine only, up to 10 times; without effect if the configuration file says where to listen' -r -f
complete -c mq-broker -l import-mosquitto-db -d 'import what Mosquitto saved in FILE; needs \'persistence true\' and a store that is still empty' -r -F
complete -c mq-broker -l tls-keylog -d 'log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file' -r -F
complete -c mq-broker -s d -l daemon -d 'continue in the background after starting'
complete -c mq-broker -s h -l help -d 'print this help'
complete -c mq-broker -s q -l quiet -d 'log nothing, whatever -v and the configuration file say'
complete -c mq-broker -s v -l verbose -d 'log everything, whatever the configuration file says'
complete -c mq-broker -l check -d 'report whether the broker with this configuration answers on this machine, and exit with 0 if it does, with 1 if not'
complete -c mq-broker -l recover -d 'replace a damaged store by what can be read of it, and keep it under another name'
complete -c mq-broker -l test-config -d 'report what is wrong with the configuration file, and exit'
complete -c mq-broker -l version -d 'print the version'
