
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mq-passwd' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mq-passwd'
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
        'mq-passwd' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'hash with sha512-pbkdf2 (the default), sha512, argon2id or bcrypt')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'iterations of sha512-pbkdf2, 1000 by default')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'take the password from the command line, where others can see it, instead of asking')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'create FILE with this one user; an existing file is overwritten; ''-'' prints the line')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'delete USER')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'hash all passwords of FILE that are plain text')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
