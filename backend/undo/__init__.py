"""Operations that can be taken back one by one: what each was, the states around it, its undo."""
