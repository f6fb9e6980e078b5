
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mq-sub' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mq-sub'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mq-sub' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'the broker''s host name or address [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'the broker''s host name or address [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'the broker''s port [default: 1883, or 8883 with --cafile or --capath]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'the broker''s port [default: 1883, or 8883 with --cafile or --capath]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'broker, login and topic at once: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC, or with mqtts, ws or wss')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'broker, login and topic at once: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC, or with mqtts, ws or wss')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'connect to a Unix domain socket instead')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'connect from this host name or address')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'the keep alive, 5 to 65535 [default: 60]')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'the keep alive, 5 to 65535 [default: 60]')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'mqttv31, mqttv311 or mqttv5, or just 31, 311 or 5 [default: 311]')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'mqttv31, mqttv311 or mqttv5, or just 31, 311 or 5 [default: 311]')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'trust the certificates in this PEM file, and speak TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'trust the certificates in all PEM files of this folder, and speak TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'the client''s own certificate, a PEM file')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'the private key of the client''s certificate, a PEM file')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'tlsv1.2 for 1.2 and newer, or tlsv1.3 for that only [default: tlsv1.2]')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'the ciphers of TLS 1.2, or of 1.3 with --tls-version tlsv1.3, as OpenSSL writes them')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'the application protocol to ask for')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'append the session keys to a file, to decrypt a recording')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'the kind of the key: only pem is supported')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'a pre-shared key: not supported')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'the name of the pre-shared key: not supported')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'an OpenSSL engine: not supported')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'the password of an engine''s key: not supported')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'the user name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'the user name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'the password, for everyone on this machine to see: rather use --pw-file or --pw-env')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'the password, for everyone on this machine to see: rather use --pw-file or --pw-env')
            [CompletionResult]::new('--pw-file', '--pw-file', [CompletionResultType]::ParameterName, 'take the password from the first line of a file')
            [CompletionResult]::new('--pw-env', '--pw-env', [CompletionResultType]::ParameterName, 'take the password from an environment variable')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'the client identifier [default: the broker chooses one]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'the client identifier [default: the broker chooses one]')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'use the prefix and the process id as the client identifier')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'use the prefix and the process id as the client identifier')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'how long the session outlives the connection (MQTT 5); -1 for ever')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'how many QoS 1 and 2 messages are in flight at most [default: 20]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'the topic; mq-sub takes several, with the wildcards + and #')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'the topic; mq-sub takes several, with the wildcards + and #')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'the QoS: 0, 1 or 2 [default: 0]')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'the QoS: 0, 1 or 2 [default: 0]')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'end a subscription of an earlier session; may be repeated')
            [CompletionResult]::new('--unsubscribe', '--unsubscribe', [CompletionResultType]::ParameterName, 'end a subscription of an earlier session; may be repeated')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'print no message on these topics; may be repeated')
            [CompletionResult]::new('--filter-out', '--filter-out', [CompletionResultType]::ParameterName, 'print no message on these topics; may be repeated')
            [CompletionResult]::new('--retain-handling', '--retain-handling', [CompletionResultType]::ParameterName, 'always, new or never: when to be sent retained messages (MQTT 5)')
            [CompletionResult]::new('--random-filter', '--random-filter', [CompletionResultType]::ParameterName, 'print only so many of a hundred messages, chosen at random')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'end after so many messages')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'end with code 27 after so long')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'how to print a message, such as ''%I %t %p''')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'where the broker publishes the will when the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'the will''s message [default: empty]')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'the will''s QoS [default: 0]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'read options from this file, one per line, instead of the one in the user''s configuration folder')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'use MQTT over WebSocket')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'send small packets at once; always the case, taken for compatibility')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'trust what the operating system trusts, and speak TLS')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'accept any certificate; only for tests')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'do not speak TLS, whatever the other options and the port say')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'keep the session when the connection ends; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'keep the session when the connection ends; needs -i')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'print no retained messages')
            [CompletionResult]::new('--retained-only', '--retained-only', [CompletionResultType]::ParameterName, 'print retained messages only, and end at the first other one')
            [CompletionResult]::new('--remove-retained', '--remove-retained', [CompletionResultType]::ParameterName, 'clear each retained message that comes')
            [CompletionResult]::new('--retain-as-published', '--retain-as-published', [CompletionResultType]::ParameterName, 'keep the retain flag as it was published (MQTT 5)')
            [CompletionResult]::new('--no-local', '--no-local', [CompletionResultType]::ParameterName, 'get no messages that this client published itself (MQTT 5)')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'end as soon as the broker has answered the subscription')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'print the topic before each message')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'print the topic before each message')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'print no line end after a message')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'print JSON over several lines')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'keep each topic''s last message in a line of its own')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'keep each topic''s last message in a line of its own')
            [CompletionResult]::new('--message-rate', '--message-rate', [CompletionResultType]::ParameterName, 'print each second how many messages came, instead of the messages')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'print each packet sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'print each packet sent and received')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'print no errors, but those of the command line')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'have the broker retain the will')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'print this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
