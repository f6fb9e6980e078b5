complete -c mq-passwd -s H -d 'hash with sha512-pbkdf2 (the default), sha512, argon2id or bcrypt' -r -f -a "sha512-pbkdf2\t''
sha512\t''
argon2id\t''
bcrypt\t''"
complete -c mq-passwd -s I -d 'iterations of sha512-pbkdf2, 1000 by default' -r -f
complete -c mq-passwd -s b -d 'take the password from the command line, where others can see it, instead of asking'
complete -c mq-passwd -s c -d 'create FILE with this one user; an existing file is overwritten; \'-\' prints the line'
complete -c mq-passwd -s D -d 'delete USER'
complete -c mq-passwd -s U -d 'hash all passwords of FILE that are plain text'
