import { expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import {
  parseAuthorizationServerMetadata,
  parseProtectedResourceMetadata,
} from '../../src/protocol/metadata-parse.ts'

const problem = (parse: (value: unknown) => unknown, value: unknown): string => {
  try {
    parse(value)
    return 'accepted'
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError)
    return `${(error as OAuthError).status} ${(error as OAuthError).message}`
  }
}

test('PR1 RFC 9728 §2 document: known members, without null, unknown ones passed over', () => {
  const document = {
    resource: 'https://mcp.test/mcp',
    authorization_servers: ['https://as.test'],
    scopes_supported: ['notes:read'],
    bearer_methods_supported: ['header'],
    dpop_bound_access_tokens_required: false,
  }
  expect(
    parseProtectedResourceMetadata({ ...document, jwks_uri: null, resource_name: null, x: { y: 1 } }),
  ).toEqual(document)
})

test('MD2 RFC 8414 §2 document: null is absent, the issuer stays as it is written', () => {
  const document = {
    issuer: 'https://AS.test/',
    token_endpoint: 'https://as.test/token',
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
  expect(
    parseAuthorizationServerMetadata({ ...document, registration_endpoint: null, scopes_supported: null }),
  ).toEqual(document)
})

test.each([
  null,
  undefined,
  [],
  'text',
  1,
  {},
  { resource: 1 },
  { resource: null },
  { authorization_servers: [] },
])('CL1 %j is no resource metadata', (value) => {
  expect(problem(parseProtectedResourceMetadata, value)).toMatch(
    /^502 This is no protected resource metadata: /,
  )
})

test.each<[Record<string, unknown>, string]>([
  [{}, 'issuer'],
  [{ issuer: 1 }, 'issuer'],
  [{ issuer: 'https://as.test', token_endpoint: 1 }, 'token_endpoint'],
  [{ issuer: 'https://as.test', scopes_supported: 'a b' }, 'scopes_supported'],
  [{ issuer: 'https://as.test', scopes_supported: ['a', 1] }, 'scopes_supported.1'],
  [
    { issuer: 'https://as.test', client_id_metadata_document_supported: 'yes' },
    'client_id_metadata_document_supported',
  ],
])('the message of %j names the member', (value, member) => {
  expect(problem(parseAuthorizationServerMetadata, value)).toBe(
    `502 This is no authorization server metadata: ${member} is missing or of the wrong type`,
  )
})

test('CL16 __proto__ in a document has no effect', () => {
  const value: unknown = JSON.parse(
    '{"issuer":"https://as.test","__proto__":{"token_endpoint":"https://evil.test"}}',
  )
  const parsed = parseAuthorizationServerMetadata(value)
  expect(parsed.token_endpoint).toBeUndefined()
  expect(({} as Record<string, unknown>)['token_endpoint']).toBeUndefined()
})
