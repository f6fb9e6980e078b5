
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mq-pub' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mq-pub'
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
        'mq-pub' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'host name or address of the broker [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'host name or address of the broker [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'port of the broker [default: 1883, or 8883 with --cafile or --capath]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'port of the broker [default: 1883, or 8883 with --cafile or --capath]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'broker, login and topic in one: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC; also mqtts, ws and wss')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'broker, login and topic in one: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC; also mqtts, ws and wss')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'connect to a Unix domain socket instead')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'connect from this host name or address')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'give up an attempt to connect after SECONDS [default: 10]')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'keep alive, 5 to 65535 [default: 60]')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'keep alive, 5 to 65535 [default: 60]')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'mqttv31, mqttv311 or mqttv5, or 31, 311 or 5 [default: 311]')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'mqttv31, mqttv311 or mqttv5, or 31, 311 or 5 [default: 311]')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'use TLS and trust the certificates in this PEM file')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'use TLS and trust the certificates in all PEM files of this directory')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'certificate of the client, a PEM file')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'private key of the client''s certificate, a PEM file')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'tlsv1.2 for TLS 1.2 and newer, tlsv1.3 for TLS 1.3 only [default: tlsv1.2]')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'ciphers of TLS 1.2, or of TLS 1.3 with --tls-version tlsv1.3, by their OpenSSL names')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'application protocol to request')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'form of the private key; only pem is supported')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'pre-shared key; not supported')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'name of the pre-shared key; not supported')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'OpenSSL engine; not supported')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'password of an engine''s key; not supported')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'user name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'user name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'password, which everyone on this machine can see; better use --pw-file or --pw-env')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'password, which everyone on this machine can see; better use --pw-file or --pw-env')
            [CompletionResult]::new('--pw-file', '--pw-file', [CompletionResultType]::ParameterName, 'read the password from the first line of FILE')
            [CompletionResult]::new('--pw-env', '--pw-env', [CompletionResultType]::ParameterName, 'read the password from an environment variable')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'client identifier [default: the broker assigns one]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'client identifier [default: the broker assigns one]')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'client identifier made of PREFIX and the process id')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'client identifier made of PREFIX and the process id')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'keep the session for SECONDS after the connection ends (MQTT 5); -1 for ever')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'maximum number of QoS 1 and 2 messages in flight [default: 20]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'topic; mq-sub accepts several, with the wildcards + and #')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'topic; mq-sub accepts several, with the wildcards + and #')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'QoS: 0, 1 or 2 [default: 0]')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'QoS: 0, 1 or 2 [default: 0]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'send TEXT as the message')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'send TEXT as the message')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'send the contents of FILE as one message')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'send the contents of FILE as one message')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'send the message COUNT times [default: 1]')
            [CompletionResult]::new('--repeat-delay', '--repeat-delay', [CompletionResultType]::ParameterName, 'wait SECONDS between repetitions [default: 0]')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'add an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'add an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'topic on which the broker publishes the will if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'message of the will [default: empty]')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will [default: 0]')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'exit with status 27 after SECONDS')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'read options from FILE, one per line, instead of the file in the user''s configuration directory')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'use MQTT over WebSocket')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'send small packets at once; always on, accepted for compatibility')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'use TLS and trust the certificates that the operating system trusts')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'accept any certificate; for tests only')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'do not use TLS, whatever the other options and the port say')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'keep the session when the connection ends; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'keep the session when the connection ends; needs -i')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'send all of standard input as one message')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'send all of standard input as one message')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'send each line of standard input as a message')
            [CompletionResult]::new('--stdin-line', '--stdin-line', [CompletionResultType]::ParameterName, 'send each line of standard input as a message')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'send an empty message')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'send an empty message')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'make the broker retain the message')
            [CompletionResult]::new('--retain', '--retain', [CompletionResultType]::ParameterName, 'make the broker retain the message')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'print each packet sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'print each packet sent and received')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'print no errors except those of the command line')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'make the broker retain the will')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'print this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
