#!/bin/bash
# The official script asks for a metadata answer; here an open port must do.
exec timeout 3 bash -c "</dev/tcp/${2%:*}/${2##*:}"
