complete -c mq-broker -s c -l config-file -d 'read the configuration from FILE.' -r -F
complete -c mq-broker -s p -l port -d 'listen on PORT of this machine only. Up to 10 times; without effect if the configuration file says where to listen.' -r -f
complete -c mq-broker -l import-mosquitto-db -d 'take over what Mosquitto saved in FILE, and go on with it. Needs \'persistence true\' and a store that is still empty.' -r -F
complete -c mq-broker -l tls-keylog -d 'write the keys of TLS connections to FILE, for a tool that reads along. Who has them can read everything.' -r -F
complete -c mq-broker -s d -l daemon -d 'go on in the background after starting.'
complete -c mq-broker -s h -l help -d 'display this help.'
complete -c mq-broker -s q -l quiet -d 'log nothing. This overrides -v and the configuration file.'
complete -c mq-broker -s v -l verbose -d 'log everything. This overrides the configuration file.'
complete -c mq-broker -l check -d 'say whether the broker with this configuration answers on this machine, and exit with 0 if it does, with 1 if not.'
complete -c mq-broker -l recover -d 'move a damaged store aside, and go on with what can be read of it.'
complete -c mq-broker -l test-config -d 'say what is wrong with the configuration file, and exit.'
complete -c mq-broker -l version -d 'display the version, and exit.'
