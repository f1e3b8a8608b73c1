"""Pages, REST, commands, sockets."""
