import {
  clientSecret,
  integer,
  matching,
  object,
  oneOf,
  strings,
  text,
  url,
  type OptionalOption,
} from '../../lib/options.ts'
import type { FrameworkIntrospection, ValidationOptions } from './options.ts'

/** http is judged later: `dangerouslyAllowHttp` allows it. */
export const httpUrl = (): OptionalOption<string> =>
  url('an https URL', ({ protocol }) => /^https?:$/.test(protocol))

export const validation = (): OptionalOption<ValidationOptions> =>
  object({
    type: oneOf(['jwt', 'introspection']).required,
    issuer: httpUrl(),
    audience: audience(),
    jwksUri: httpUrl(),
    algorithms: strings(),
    introspection: introspection(),
  }) as OptionalOption<ValidationOptions>

export const introspection = (): OptionalOption<FrameworkIntrospection> =>
  object({
    endpoint: httpUrl().required,
    clientId: text(),
    clientSecret: clientSecret(),
    cacheTTL: integer({ min: 0, max: 3_600_000 }),
  }) as OptionalOption<FrameworkIntrospection>

/** Confused deputy: with any audience, a token for another server is good here. */
const audience = (): OptionalOption<string> =>
  text('the audience that tokens have', /^(?!\*$)./s, 'Leave it out if that is the resource')

/** Confused deputy, as above. */
export const strictAudience = (): OptionalOption<boolean> =>
  matching(
    'true',
    (value) => value === true,
    'If tokens do not name the resource, say in `validation.audience` what they name, or list a preset such as cognito({ … }) in `authorizationServers`',
  )

/**
 * CSRF: browsers add `Cookie` and others by themselves, but a page of another site cannot send `X-…` without
 * a preflight.
 */
export const headerName = (): OptionalOption<string> =>
  text(
    '"Authorization", or the name of a header that begins with X-',
    /^(?:authorization|x-[a-z0-9-]+)$/i,
    'MCP clients send Authorization (RFC 6750 §2.1)',
  )
