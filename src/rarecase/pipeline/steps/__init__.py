"""The work of each step: `work(context, folder)` reads what others left, fills `folder`."""
