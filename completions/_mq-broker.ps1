
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
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'read the configuration from FILE.')
            [CompletionResult]::new('--config-file', '--config-file', [CompletionResultType]::ParameterName, 'read the configuration from FILE.')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'listen on PORT of this machine only. Up to 10 times; without effect if the configuration file says where to listen.')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'listen on PORT of this machine only. Up to 10 times; without effect if the configuration file says where to listen.')
            [CompletionResult]::new('--import-mosquitto-db', '--import-mosquitto-db', [CompletionResultType]::ParameterName, 'take over what Mosquitto saved in FILE, and go on with it. Needs ''persistence true'' and a store that is still empty.')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'write the keys of TLS connections to FILE, for a tool that reads along. Who has them can read everything.')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'go on in the background after starting.')
            [CompletionResult]::new('--daemon', '--daemon', [CompletionResultType]::ParameterName, 'go on in the background after starting.')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'display this help.')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'display this help.')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'log nothing. This overrides -v and the configuration file.')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'log nothing. This overrides -v and the configuration file.')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'log everything. This overrides the configuration file.')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'log everything. This overrides the configuration file.')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'say whether the broker with this configuration answers on this machine, and exit with 0 if it does, with 1 if not.')
            [CompletionResult]::new('--recover', '--recover', [CompletionResultType]::ParameterName, 'move a damaged store aside, and go on with what can be read of it.')
            [CompletionResult]::new('--test-config', '--test-config', [CompletionResultType]::ParameterName, 'say what is wrong with the configuration file, and exit.')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'display the version, and exit.')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
