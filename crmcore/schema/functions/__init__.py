"""What Python functions answer in the graph: types that are no records (`@output`), and root fields (`@query`,
`@mutation`, `@subscription`)."""
