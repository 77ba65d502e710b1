// The home page: the README from its first section on, below its title and first paragraph.

/** What stands between, commands for the repository, is for readers of the repository. */
export function homeMarkdown(readme: string): string {
  const [head, ...sections] = readme.split(/^(?=## )/m)
  const [title, introduction] = head!.split(/\n\s*\n/)
  const actions = '[Start in five minutes](docs/guide/hosts.md) [Guide](docs/guide/README.md)'
  return [title, introduction, actions, ...sections].join('\n\n')
}
