"""Our senders of effects: one file each. When an effect goes out, and that it goes once, is the loop's.

What each needs to know is in `settings`; they are made in `build`.
"""
