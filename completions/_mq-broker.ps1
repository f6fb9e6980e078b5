
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mq-broker' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mq-broker'
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
        'mq-broker' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'read the configuration from FILE; may be repeated')
            [CompletionResult]::new('--config-file', '--config-file', [CompletionResultType]::ParameterName, 'read the configuration from FILE; may be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'listen on PORT of this machine only, up to 10 times; without effect if the configuration file says where to listen')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'listen on PORT of this machine only, up to 10 times; without effect if the configuration file says where to listen')
            [CompletionResult]::new('--import-mosquitto-db', '--import-mosquitto-db', [CompletionResultType]::ParameterName, 'import what Mosquitto saved in FILE; needs ''persistence true'' and a store that is still empty')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'continue in the background after starting')
            [CompletionResult]::new('--daemon', '--daemon', [CompletionResultType]::ParameterName, 'continue in the background after starting')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'print this help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'print this help')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'log nothing, whatever -v and the configuration file say')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'log nothing, whatever -v and the configuration file say')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'log everything, whatever the configuration file says')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'log everything, whatever the configuration file says')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'report whether the broker with this configuration answers on this machine, and exit with 0 if it does, with 1 if not')
            [CompletionResult]::new('--recover', '--recover', [CompletionResultType]::ParameterName, 'replace a damaged store by what can be read of it, and keep it under another name')
            [CompletionResult]::new('--test-config', '--test-config', [CompletionResultType]::ParameterName, 'report what is wrong with the configuration file, and exit')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
