import { narrowAccess } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import type { Context, Resource } from '../context.ts'
import { resourceName } from '../page/layout.ts'

/** The name of the form's field for the scopes of the resource at this place in the request. */
export const scopeField = (index: number): string => (index === 0 ? 'scope' : `scope-${index}`)

/** What is ticked when the page is first shown. */
export const preselected = ({ options, resources }: Context, access: Access): Access =>
  options.consent.preselect
    ? access
    : narrowAccess(access, (scope, resource) => isRequired(resources.find(resource)!, scope))

export const isRequired = ({ requiredScopes }: Resource, scope: string): boolean =>
  requiredScopes.includes(scope)

/**
 * What the user can only refuse by denying: what is required of the one resource. Of several, each can be
 * left out whole.
 */
export const isFixed = (access: Access, resource: Resource, scope: string): boolean =>
  Object.keys(access).length === 1 && isRequired(resource, scope)

/** What the submitted form grants of what was offered. */
export function chosenAccess({ resources }: Context, offered: Access, form: URLSearchParams): Access {
  const names = Object.keys(offered)
  return narrowAccess(
    offered,
    (scope, resource) =>
      isFixed(offered, resources.find(resource)!, scope) ||
      form.getAll(scopeField(names.indexOf(resource))).includes(scope),
  )
}

/** Why this choice cannot be granted, if it cannot. */
export function choiceProblem({ resources }: Context, offered: Access, chosen: Access): string | undefined {
  if (Object.keys(chosen).length === 0)
    return 'Choose at least one thing that the app may do, or choose Deny.'
  for (const [name, scopes] of Object.entries(chosen)) {
    const resource = resources.find(name)!
    const missing = offered[name]!.find((each) => isRequired(resource, each) && !scopes.includes(each))
    if (missing !== undefined)
      return `${resourceName(resource)} does not work without “${resource.scopes[missing]}”. Choose that, too, or nothing of it.`
  }
  return undefined
}
