"""The HTTP interface: one router a resource, thin handlers, shapes beside their routes."""
