// The index of the reference: the entry points, by role.
import {
  ReferenceReflection,
  ReflectionKind,
  type DeclarationReflection,
  type ProjectReflection,
} from 'typedoc'
import type { MarkdownThemeContext } from 'typedoc-plugin-markdown'

/** The first pattern that fits decides. */
const roles: readonly { title: string; pattern: RegExp }[] = [
  {
    title: 'The guard',
    pattern:
      /^tollgate(\/(introspection|api-keys|shared-secret|custom-verifier|sessions|operations|elicitation))?$/,
  },
  { title: 'The authorization server', pattern: /^tollgate\/(authorization-server|linked-accounts)$/ },
  { title: 'Sign-in', pattern: /^tollgate\/sign-in\// },
  { title: 'Upstream', pattern: /^tollgate\/upstream(\/|$)/ },
  { title: 'The client', pattern: /^tollgate\/client(\/|$)/ },
  { title: 'Stores', pattern: /^tollgate\/store\// },
  { title: 'Caches', pattern: /^tollgate\/cache\// },
  { title: 'Identity providers', pattern: /^tollgate\/provider\// },
  { title: 'Hosts', pattern: /^tollgate\/(hono|next|express|node|workers)$/ },
  { title: 'Drop-ins', pattern: /^tollgate\/mcp-/ },
  { title: 'Testing', pattern: /^tollgate\/testing$/ },
  { title: 'Running it', pattern: /^tollgate\/(telemetry(\/|$)|doctor$|health$)/ },
  { title: 'Types and errors', pattern: /^tollgate\/(types|errors)$/ },
]

export function indexOf(project: ProjectReflection, context: MarkdownThemeContext): string {
  const modules = project.children ?? []
  const roleOf = ({ name }: DeclarationReflection): string => {
    const role = roles.find(({ pattern }) => pattern.test(name))
    if (role === undefined) throw new Error(`tools/api-reference/roles.ts has no role for ${name}`)
    return role.title
  }
  return roles
    .map(({ title }) => {
      const rows = modules
        .filter((module) => roleOf(module) === title)
        .map((module) => `| [\`${module.name}\`](${context.urlTo(module)}) | ${exportsOf(module)} |`)
      return [`## ${title}`, '', '| import from | exports |', '| --- | --- |', ...rows].join('\n')
    })
    .join('\n\n')
}

/** Functions and classes; the types stand on the page. */
function exportsOf(module: DeclarationReflection): string {
  const names = (module.children ?? [])
    .map((child) => (child instanceof ReferenceReflection ? child.getTargetReflectionDeep() : child))
    .filter((child) => child.kindOf(ReflectionKind.Function | ReflectionKind.Class | ReflectionKind.Variable))
    .map(({ name }) => `\`${name}\``)
  return names.length === 0 ? 'types' : names.join(', ')
}
