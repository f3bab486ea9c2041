"""The work of each step: `work(context, folder)` reads what earlier steps left and fills `folder`."""
