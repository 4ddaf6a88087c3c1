"""An exchange as data: its surface, context, downstream side, headers, attempts and stored responses."""
