import { expect, test } from 'vitest'
import {
  ConfigurationError,
  createResourceServer,
  firstOf,
  jwtVerifier,
  type ResourceServerOptions,
} from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { google } from '../../src/provider/google.ts'

const resource = 'https://mcp.test/mcp'
const issuer = 'https://as.test'
const keyed = (options: object): object => ({ resource, authorizationServers: [issuer], ...options })

/** What is passed; the option that the message must name; a piece of the fix. */
const mistakes: [name: string, options: unknown, option: string, fix: string][] = [
  ['nothing', undefined, 'createResourceServer', 'such as { resource, authorizationServers, '],
  ['U13 a list', [resource], 'createResourceServer', 'such as { resource, authorizationServers, '],
  [
    'an unknown option',
    keyed({ requiredScope: [] }),
    'createResourceServer.requiredScope',
    '"requiredScopes"',
  ],
  ['no resource', { authorizationServers: [issuer] }, 'resource', 'URL of the MCP server'],
  ['an empty resource', keyed({ resource: '' }), 'resource', 'the URL of the MCP server, or a list'],
  ['a relative resource', keyed({ resource: '/mcp' }), 'resource', 'absolute https URL'],
  ['a fragment', keyed({ resource: `${resource}#x` }), 'resource', 'without fragment'],
  ['user information', keyed({ resource: 'https://a@mcp.test/' }), 'resource', 'user information'],
  ['http', keyed({ resource: 'http://mcp.test/' }), 'resource', 'dangerouslyAllowHttp: ["http://mcp.test"]'],
  ['no resources', keyed({ resource: [] }), 'resource', 'URL of the MCP server'],
  [
    'a resource twice',
    keyed({ resource: [{ resource }, { resource }] }),
    'resource',
    'must have a path of its own for each',
  ],
  [
    'an unknown member',
    keyed({ resource: [{ resource, scope: [] }] }),
    'resource[0].scope',
    'is not an option',
  ],
  ['both ways', keyed({ resource: [{ resource, hosts: ['a.test'] }] }), 'resource[0]', 'not both'],
  ['no hosts', keyed({ resource: [{ hosts: [] }] }), 'resource[0].hosts', 'a list of the hosts'],
  [
    'a URL as host',
    keyed({ resource: [{ hosts: ['https://a.test'] }] }),
    'resource[0].hosts[0]',
    'mcp.example.com',
  ],
  ['an upper-case host', keyed({ resource: [{ hosts: ['A.test'] }] }), 'resource[0].hosts[0]', 'lower case'],
  ['a bare path', keyed({ resource: [{ hosts: ['a.test'], path: 'mcp' }] }), 'resource[0].path', '/mcp'],
  ['no servers', { resource }, 'authorizationServers', 'at least one'],
  ['an empty list', keyed({ authorizationServers: [] }), 'authorizationServers', 'at least one'],
  ['a bare string', keyed({ authorizationServers: issuer }), 'authorizationServers', 'list'],
  [
    'an http issuer',
    keyed({ authorizationServers: ['http://as.test'] }),
    'authorizationServers[0]',
    'must be an https URL',
  ],
  [
    'no URL',
    keyed({ authorizationServers: ['as.test'] }),
    'authorizationServers[0]',
    'must be an https URL without query and fragment',
  ],
  ['a query', keyed({ authorizationServers: [`${issuer}?a=1`] }), 'authorizationServers[0]', 'without query'],
  ['a number', keyed({ authorizationServers: [1] }), 'authorizationServers[0]', 'issuer URL'],
  [
    'the address of metadata',
    keyed({ authorizationServers: [`${issuer}/.well-known/openid-configuration`] }),
    'authorizationServers[0]',
    'Pass the "issuer" of that document',
  ],
  [
    'no issuer',
    keyed({ authorizationServers: [{ verifier: () => 1 }] }),
    'authorizationServers[0].issuer',
    'an issuer URL',
  ],
  [
    'an empty object',
    keyed({ authorizationServers: [{}] }),
    'authorizationServers[0]',
    'got object, which is empty',
  ],
  [
    'no verifier',
    keyed({ authorizationServers: [{ issuer }] }),
    'authorizationServers[0]',
    'createAuthorizationServer()',
  ],
  [
    'an opaque preset',
    keyed({ authorizationServers: [google({ clientId: 'a', clientSecret: 'b' })] }),
    'authorizationServers[0]',
    'introspectionVerifier',
  ],
  [
    'API keys alone',
    keyed({ authorizationServers: [{ issuer: 'urn:x', listed: false, verifier: () => ({}) }] }),
    'authorizationServers',
    'must list the issuer',
  ],
  ['scopes in one string', keyed({ requiredScopes: ['a b'] }), 'requiredScopes[0]', 'string of its own'],
  ['no list of scopes', keyed({ requiredScopes: 'a' }), 'requiredScopes', 'list'],
  [
    'offline_access',
    keyed({ requiredScopes: ['offline_access'] }),
    'requiredScopes[0]',
    'offline_access is for authorization servers',
  ],
  ['a wrong supported scope', keyed({ scopesSupported: ['"'] }), 'scopesSupported[0]', 'must be one scope'],
  [
    'a scope that implies itself',
    keyed({ scopeImplies: { a: ['b'], b: ['a'] } }),
    'scopeImplies',
    'remove one',
  ],
  ['an implied string', keyed({ scopeImplies: { a: 'b' } }), 'scopeImplies.a', 'list'],
  [
    'a list that implies',
    keyed({ scopeImplies: [] }),
    'scopeImplies',
    "an object such as { admin: ['read'] }",
  ],
  ['claims as a list', keyed({ scopesFromClaims: ['roles'] }), 'scopesFromClaims', 'function'],
  [
    'a claim without values',
    keyed({ scopesFromClaims: { roles: ['a'] } }),
    'scopesFromClaims.roles',
    '{ value',
  ],
  [
    'a claimed string',
    keyed({ scopesFromClaims: { roles: { a: 'b' } } }),
    'scopesFromClaims.roles.a',
    'list',
  ],
  [
    'an origin with a path',
    keyed({ allowedOrigins: ['https://a.test/'] }),
    'allowedOrigins[0]',
    'without a path',
  ],
  [
    'a bare host as origin',
    keyed({ allowedOrigins: ['a.test'] }),
    'allowedOrigins[0]',
    'https://app.example.com',
  ],
  ['one origin', keyed({ allowedOrigins: 'https://a.test' }), 'allowedOrigins', 'list'],
  ['a number as cache', keyed({ cache: 1 }), 'cache', 'memoryCache()'],
  ['true as token cache', keyed({ tokenCache: true }), 'tokenCache', 'must be false, or an object'],
  ['no size', keyed({ tokenCache: { size: 0 } }), 'tokenCache.size', 'from 1 to 1000000'],
  ['half an entry', keyed({ tokenCache: { size: 1.5 } }), 'tokenCache.size', 'whole number'],
  ['an unknown member of it', keyed({ tokenCache: { max: 1 } }), 'tokenCache.max', 'the options are size'],
  [
    'publicUrl elsewhere',
    keyed({ publicUrl: 'https://other.test' }),
    'publicUrl',
    'must be a URL below which',
  ],
  [
    'publicUrl deeper',
    keyed({ publicUrl: 'https://mcp.test/mcp/x' }),
    'publicUrl',
    'must be a URL below which',
  ],
  [
    'publicUrl as half a segment',
    keyed({ publicUrl: 'https://mcp.test/mc' }),
    'publicUrl',
    'must be a URL below which',
  ],
  ['publicUrl relative', keyed({ publicUrl: '/api' }), 'publicUrl', 'must be a URL below which'],
  ['a number as name', keyed({ resourceName: 1 }), 'resourceName', 'non-empty string'],
  ['a relative link', keyed({ documentation: '/docs' }), 'documentation', 'absolute https URL'],
  ['a script as link', keyed({ policy: 'javascript:alert(1)' }), 'policy', 'absolute https URL'],
  [
    'a script as terms',
    keyed({ termsOfService: 'data:text/html,x' }),
    'termsOfService',
    'absolute https URL',
  ],
  ['a word as switch', keyed({ stripAuthorization: 'yes' }), 'stripAuthorization', 'true or false'],
  [
    'https as dangerous',
    keyed({ dangerouslyAllowHttp: ['https://a'] }),
    'dangerouslyAllowHttp[0]',
    'http://mcp:3000',
  ],
  [
    'a path as dangerous',
    keyed({ dangerouslyAllowHttp: ['http://a/b'] }),
    'dangerouslyAllowHttp[0]',
    'without a path',
  ],
  ['true as dangerous', keyed({ dangerouslyAllowHttp: true }), 'dangerouslyAllowHttp', 'list'],
  ...['fetch', 'clock', 'waitUntil', 'onEvent', 'clientAddress'].map(
    (name) =>
      [`a string as ${name}`, keyed({ [name]: 'x' }), name, 'function'] as [string, unknown, string, string],
  ),
]

test.each(mistakes)('PR5 %s', (_, options, option, fix) => {
  let error: unknown
  try {
    createResourceServer(options as ResourceServerOptions)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ConfigurationError)
  expect((error as ConfigurationError).option).toBe(option)
  expect((error as ConfigurationError).message).toContain(fix)
})

test.each([
  ['scopes', 'did you mean "scopesSupported"?'],
  ['audience', 'did you mean "resource"?'],
  ['clockTolerance', 'use clockSkew of jwtVerifier'],
  ['resources', 'did you mean "resource"?'],
  ['tokenLifetime', 'the nearest options are tokenCache, maxTokenLength, fetch'],
])('PR5 U13 the wrong name `%s` is told the right one', (name, advice) => {
  expect(() => createResourceServer(keyed({ [name]: 'x' }) as ResourceServerOptions)).toThrow(
    new ConfigurationError(`createResourceServer.${name}`, `is not an option; ${advice}`),
  )
})

test('PR5 U13 a list of URLs is told the shape of its items', () => {
  const options = { resource: ['https://mcp.test/a'], authorizationServers: [issuer] }
  expect(() => createResourceServer(options as unknown as ResourceServerOptions)).toThrow(
    '`resource[0]` must be an object such as { resource, hosts, path, … }; got "https://mcp.test/a"',
  )
})

const verifierMistakes: [name: string, make: () => unknown, option: string, fix: string][] = [
  [
    'an unknown option',
    () => jwtVerifier({ issuer, jwks: {} } as never),
    'jwtVerifier.jwks',
    'is not an option',
  ],
  ['no issuer', () => jwtVerifier({} as never), 'issuer', 'absolute URL; it is required'],
  ['a bare issuer', () => jwtVerifier({ issuer: 'as.test' }), 'issuer', 'absolute URL'],
  ['a relative key set', () => jwtVerifier({ issuer, jwksUri: '/jwks' }), 'jwksUri', 'absolute URL'],
  [
    'a symmetric algorithm',
    () => jwtVerifier({ issuer, algorithms: ['HS256'] }),
    'algorithms[0]',
    'an asymmetric algorithm: RS256',
  ],
  ['none', () => jwtVerifier({ issuer, algorithms: ['RS256', 'none'] }), 'algorithms[1]', '; got "none"'],
  [
    'no algorithm',
    () => jwtVerifier({ issuer, algorithms: [] }),
    'algorithms',
    'a list, each item an asymmetric algorithm: RS256, RS384, RS512, PS256, PS384, PS512, ES256',
  ],
  [
    'an unknown typ policy',
    () => jwtVerifier({ issuer, typ: 'any' as never }),
    'typ',
    '"at+jwt" or "jwt"; got "any"',
  ],
  ['no audience', () => jwtVerifier({ issuer, audience: { aud: [] } }), 'audience', '"resource"'],
  [
    'an audience without values',
    () => jwtVerifier({ issuer, audience: {} as never }),
    'audience',
    '{ aud: [value, …] }',
  ],
  ['a number as audience', () => jwtVerifier({ issuer, audience: 1 as never }), 'audience', '"resource"'],
  [
    'a word as strict',
    () => jwtVerifier({ issuer, strictAudience: 'yes' as never }),
    'strictAudience',
    'true or false',
  ],
  ['a minute and a second', () => jwtVerifier({ issuer, clockSkew: 61 }), 'clockSkew', 'from 0 to 60'],
  ['no keys', () => jwtVerifier({ issuer, keys: { keys: [] } }), 'keys', '{ keys: [jwk] }'],
  [
    'a secret as key',
    () => jwtVerifier({ issuer, keys: { keys: [{ kty: 'oct', k: 'AA' }] } }),
    'keys',
    'asymmetric',
  ],
  ['a string as type', () => jwtVerifier({ issuer, alsoTypes: 'x' as never }), 'alsoTypes', 'list'],
  [
    'a string as scope claim',
    () => jwtVerifier({ issuer, scopeClaims: 'x' as never }),
    'scopeClaims',
    'list',
  ],
  ['no function', () => customVerifier({ issuer } as never), 'verify', 'function'],
  [
    'a wrong ttl',
    () => customVerifier({ issuer, verify: () => undefined, ttl: -1 }),
    'ttl',
    'from 0 to 3600',
  ],
  ['nothing to choose from', () => firstOf(), 'firstOf', 'at least one'],
  [
    'two issuers',
    () => firstOf(jwtVerifier({ issuer }), jwtVerifier({ issuer: 'https://b.test' })),
    'firstOf',
    'list both',
  ],
]

test.each(verifierMistakes)('of a verifier: %s', (_, make, option, fix) => {
  let error: unknown
  try {
    make()
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ConfigurationError)
  expect((error as ConfigurationError).option).toBe(option)
  expect((error as ConfigurationError).message).toContain(fix)
})

test.each([
  ['scopes in one string', { scopes: ['a b'] }, 'need.scopes'],
  ['an unknown member', { scope: ['a'] }, 'need.scope'],
  ['offline_access', { scopes: ['offline_access'] }, 'need.scopes'],
  ['a negative age', { maxAge: -1 }, 'need.maxAge'],
  ['a word as acr', { acrValues: 'x' }, 'need.acrValues'],
  ['a bare table of operations', { operations: { 'tools/call': { a: ['x'] } } }, 'need.operations'],
])('of a need: %s', async (_, need, option) => {
  const rs = createResourceServer({ resource, authorizationServers: [issuer] })
  expect(() => rs.protect(() => new Response(), need as never)).toThrow(option)
  await expect(rs.authenticate(new Request(resource), need as never)).rejects.toThrow(option)
})

test('a guard without a handler', () => {
  const rs = createResourceServer({ resource, authorizationServers: [issuer] })
  expect(() => rs.protect(undefined as never)).toThrow('`handler` must be a function')
  expect(() => rs.optional(new Response() as never)).toThrow('`handler` must be a function')
})

test('rule 30 right options are accepted: loopback over http, extensions as origins, one path on two hosts', () => {
  const right: ResourceServerOptions[] = [
    { resource: 'http://127.0.0.1:3000/mcp', authorizationServers: ['http://localhost:9000'] },
    {
      resource,
      authorizationServers: [issuer],
      allowedOrigins: ['chrome-extension://abcdef', 'https://a.test:8443'],
    },
    { resource: [{ hosts: ['a.test', 'b.test'] }, { resource }], authorizationServers: [issuer] },
    { resource, authorizationServers: [issuer], allowedOrigins: [], tokenCache: false },
  ]
  for (const options of right) expect(() => createResourceServer(options)).not.toThrow()
})
