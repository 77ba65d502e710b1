import { describe, expect, test } from 'vitest'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import type { AuthorizationServerOptions, ResourcePolicy } from '../../src/authorization-server/options.ts'
import { ownLogin } from '../../src/authorization-server/index.ts'
import { passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { memoryCache } from '../../src/cache/memory.ts'
import { tiered } from '../../src/cache/tiered.ts'
import { createClient } from '../../src/client/index.ts'
import { ConfigurationError, createResourceServer, jwtVerifier } from '../../src/index.ts'
import type { ResourceServerOptions } from '../../src/index.ts'
import { github } from '../../src/provider/github.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { upstream } from '../../src/upstream/index.ts'

const resource = 'https://mcp.test/mcp'
const issuer = 'https://as.test'
const signIn = ownLogin({ identify: () => undefined, loginUrl: '/login' })
const right = {
  issuer,
  secret: 'a secret of thirty-two bytes, or more',
  store: memoryStore(),
  signIn,
  resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
}
const guardOf = (options: object): unknown =>
  createResourceServer({ resource, authorizationServers: [issuer], ...options } as never)
const serverOf = (options: object): unknown => createAuthorizationServer({ ...right, ...options } as never)

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

/** A name that is no option of the other function does not compile. */
type Only<A, B> = Partial<Record<Exclude<keyof A, keyof B>, string>>

const ofServer: Only<AuthorizationServerOptions, ResourceServerOptions> = {
  issuer: 'did you mean "authorizationServers"?',
  ...named('it belongs to createAuthorizationServer', [
    ...([
      'checkRevocation',
      'store',
      'secret',
      'signIn',
      'clients',
      'registration',
      'keys',
      'lifetimes',
    ] as const),
    ...(['behindProxy', 'onTokens', 'consent'] as const),
  ]),
  resources: 'did you mean "resource"?',
}

const ofGuard: Only<ResourceServerOptions, AuthorizationServerOptions> = {
  resource: 'did you mean "resources"?',
  requiredScopes: 'it belongs to each resource in resources',
  scopesSupported: "use resources: { 'https://…/mcp': { scopes } }",
  ...named('it belongs to createResourceServer', [
    ...(['authorizationServers', 'allowedOrigins', 'publicUrl', 'scopesFromClaims'] as const),
    ...(['tokenCache', 'cacheSecret'] as const),
  ]),
}

/** Every option of a resource, so that a new one does not compile without its advice. */
const ofResource: Record<keyof ResourcePolicy, string> = {
  scopes: "use resources: { 'https://…/mcp': { scopes } }",
  ...named('it belongs to each resource in resources', [
    ...(['name', 'requiredScopes', 'accessTokens', 'lifetime', 'introspectionSecret'] as const),
  ]),
}

function named<const K extends string>(advice: string, names: readonly K[]): Record<K, string> {
  return Object.fromEntries(names.map((name) => [name, advice])) as Record<K, string>
}

describe('U13 an option of another function is told where it belongs', () => {
  test.each(Object.entries(ofServer))('createResourceServer({ %s }): %s', (name, advice) => {
    expect(messageOf(() => guardOf({ [name]: 1 }))).toBe(
      `\`createResourceServer.${name}\` is not an option; ${advice}`,
    )
  })

  test.each(['operations', 'acrValues', 'maxAge'])(
    'createResourceServer({ %s }): the second argument of protect',
    (name) => {
      expect(messageOf(() => guardOf({ [name]: 1 }))).toBe(
        `\`createResourceServer.${name}\` is not an option; it belongs to the second argument of protect()`,
      )
    },
  )

  test.each(['jwksUri', 'algorithms', 'clockSkew'])('createResourceServer({ %s }): jwtVerifier', (name) => {
    expect(messageOf(() => guardOf({ [name]: 1 }))).toBe(
      `\`createResourceServer.${name}\` is not an option; it belongs to jwtVerifier`,
    )
  })

  test.each(Object.entries({ ...ofGuard, ...ofResource }))(
    'createAuthorizationServer({ %s }): %s',
    (name, advice) => {
      expect(messageOf(() => serverOf({ [name]: 1 }))).toBe(
        `\`createAuthorizationServer.${name}\` is not an option; ${advice}`,
      )
    },
  )

  test.each([
    ['users', 'it belongs to passwordSignIn'],
    ['loginUrl', 'it belongs to ownLogin'],
    ['identify', 'it belongs to ownLogin'],
    ['admit', 'it belongs to upstream'],
    ['operations', 'it belongs to the second argument of protect()'],
  ])('createAuthorizationServer({ %s }): %s', (name, advice) => {
    expect(messageOf(() => serverOf({ [name]: 1 }))).toBe(
      `\`createAuthorizationServer.${name}\` is not an option; ${advice}`,
    )
  })

  test('createAuthorizationServer({ lifetimes: { accessToken } }): the lifetime of each resource', () => {
    expect(messageOf(() => serverOf({ lifetimes: { accessToken: 600 } }))).toBe(
      '`lifetimes.accessToken` is not an option; use lifetime of each resource in resources',
    )
  })

  test.each(['toString', '__proto__x', ' ', ''])('the name "%s" is no mistake that is listed', (name) => {
    expect(messageOf(() => guardOf({ [name]: 1 }))).toContain('is not an option; the nearest options are ')
    expect(messageOf(() => serverOf({ [name]: 1 }))).toContain('is not an option; the nearest options are ')
  })

  test('upstream({ resource }): createResourceServer', () => {
    const preset = github({ clientId: 'c', clientSecret: 's' })
    expect(messageOf(() => upstream(preset, { admit: () => true, resource } as never))).toContain(
      '`upstream.resource` is not an option; it belongs to createResourceServer',
    )
  })

  test.each(['default', 'customMethods', 'filterLists', 'maxBytes'])(
    'operationScopes({ %s }): the second argument',
    (name) => {
      const rules = { 'tools/call': { write: ['notes:write'] }, [name]: 'deny' }
      expect(messageOf(() => operationScopes(rules as never))).toBe(
        `\`operations.${name}\` is not a method of MCP; it goes into the second argument: ` +
          `operationScopes(rules, { ${name}: … })`,
      )
    },
  )
})

describe('U13 an empty path segment comes of a base URL that ends with a slash', () => {
  const cause = 'Does a base URL end with a slash?'

  test.each([
    ['https://mcp.test//mcp'],
    ['https://mcp.test//'],
    ['https://mcp.test/a//mcp'],
    ['https://mcp.test/mcp//'],
    ['https://mcp.test/a/..//mcp'],
    ['https://mcp.test//mcp?x=1'],
  ])('resource %s', (wrong) => {
    const refusal = `must be a URL without "//" in its path; got ${JSON.stringify(wrong.replace(/\?.*/, '?…'))}. ${cause}`
    expect(messageOf(() => guardOf({ resource: wrong }))).toBe(`\`resource\` ${refusal}`)
    expect(messageOf(() => guardOf({ resource: [{ resource: wrong }] }))).toBe(`\`resource[0]\` ${refusal}`)
    expect(messageOf(() => serverOf({ resources: { [wrong]: right.resources[resource] } }))).toBe(
      `\`resources[${JSON.stringify(wrong)}]\` ${refusal}`,
    )
  })

  test('a path for several hosts, publicUrl and the own issuer', () => {
    expect(messageOf(() => guardOf({ resource: [{ hosts: ['a.test'], path: '//mcp' }] }))).toContain(cause)
    expect(messageOf(() => guardOf({ publicUrl: 'https://mcp.test//' }))).toBe(
      `\`publicUrl\` must be a URL without "//" in its path; got "https://mcp.test//". ${cause}`,
    )
    expect(messageOf(() => serverOf({ issuer: 'https://as.test//a' }))).toBe(
      `\`issuer\` must be a URL without "//" in its path; got "https://as.test//a". ${cause}`,
    )
  })

  test('RFC 9728 §1.2 what is legal stays so: one slash at the end, slashes in a query, an issuer elsewhere', () => {
    for (const each of [
      'https://mcp.test/',
      'https://mcp.test/mcp/',
      'https://mcp.test/mcp?of=https://a//b',
    ]) {
      expect(() => guardOf({ resource: each })).not.toThrow()
      expect(() => serverOf({ resources: { [each]: right.resources[resource] } })).not.toThrow()
    }
    expect(() => serverOf({ issuer: 'https://as.test/' })).not.toThrow()
    expect(() => serverOf({ issuer: 'https://as.test/tenant/' })).not.toThrow()
    // A third party chooses its own identifier (RFC 8414 §2).
    expect(() => guardOf({ authorizationServers: ['https://login.test//tenant'] })).not.toThrow()
    expect(() => guardOf({ authorizationServers: ['https://tenant.auth0.test/'] })).not.toThrow()
  })
})

describe('U13 a message says what was passed', () => {
  test('a URL object is told to be passed as text', () => {
    const url = new URL(resource)
    expect(messageOf(() => guardOf({ resource: url }))).toContain('; got a URL object: pass its href')
    expect(messageOf(() => guardOf({ authorizationServers: [new URL(issuer)] }))).toContain(
      '`authorizationServers[0]` must be an issuer URL, a preset, ',
    )
    expect(messageOf(() => guardOf({ authorizationServers: [new URL(issuer)] }))).toContain(
      '; got a URL object: pass its href',
    )
    expect(messageOf(() => serverOf({ issuer: new URL(issuer) }))).toContain(
      'got a URL object: pass its href',
    )
    expect(messageOf(() => createClient({ redirect: url, storage: {} } as never))).toContain(
      'got a URL object: pass its href',
    )
  })

  test('a verifier may be an object of a class, whose members are inherited', () => {
    class Own {
      get issuer(): string {
        return issuer
      }
      verifier(): unknown {
        return jwtVerifier({ issuer })
      }
    }
    expect(() => guardOf({ authorizationServers: [new Own()] })).not.toThrow()
  })

  test('a promise is told to be awaited', () => {
    expect(messageOf(() => serverOf({ store: Promise.resolve(memoryStore()) }))).toContain(
      '`store` must be a store such as memoryStore(); got a promise: await it',
    )
    expect(messageOf(() => guardOf({ cache: Promise.resolve(memoryCache()) }))).toContain(
      '; got a promise: await it',
    )
    expect(messageOf(() => guardOf({ authorizationServers: [Promise.resolve(serverOf({}))] }))).toContain(
      '; got a promise: await it',
    )
  })

  test('an option that is left out is required, not "nothing"', () => {
    expect(messageOf(() => github({} as never))).toMatch(/^`clientId` must be .+; it is required$/)
    expect(messageOf(() => passwordSignIn({} as never))).toMatch(/^`users` must be .+; it is required/)
    expect(messageOf(() => serverOf({ secret: undefined }))).toMatch(
      /^`secret` must be .+; it is required\. Make/,
    )
    expect(messageOf(() => serverOf({ store: undefined }))).toMatch(/^`store` must be .+; it is required$/)
  })

  test('a store in place of a cache is refused: its entries would never be found', () => {
    const refusal = '`cache` must be a cache such as memoryCache(), not a store; got object'
    expect(messageOf(() => guardOf({ cache: memoryStore() }))).toBe(refusal)
    expect(messageOf(() => serverOf({ cache: memoryStore() }))).toBe(refusal)
    expect(messageOf(() => tiered(memoryCache(), memoryStore() as never))).toContain('must be a cache')
    // A cache of the application's own needs no mark.
    const own = { get: async () => undefined, put: async () => undefined, delete: async () => undefined }
    expect(() => guardOf({ cache: own })).not.toThrow()
  })

  test('a duration says its unit', () => {
    const resources = { [resource]: { ...right.resources[resource], lifetime: 900_000 } }
    expect(messageOf(() => serverOf({ resources }))).toContain(
      '.lifetime` must be a whole number of seconds from 60 to 3600; got 900000',
    )
    expect(messageOf(() => serverOf({ lifetimes: { code: 60_000 } }))).toBe(
      '`lifetimes.code` must be a whole number of seconds from 10 to 600; got 60000',
    )
  })
})
