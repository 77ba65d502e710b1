// Options of the client and of what is passed to it: a mistake throws at construction, with the value and the way out.
import { describe, expect, test } from 'vitest'
import {
  createClient,
  credentialsFromEnvironment,
  enterpriseManaged,
  memoryStorage,
  pasteRedirect,
  workloadIdentity,
  type ClientOptions,
} from '../../src/client/index.ts'
import { storeStorage } from '../../src/client/storage/store-storage.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { issuer } from '../support/client-world.ts'

test('options: what is unknown or unusable is refused at construction', () => {
  const wrong: [ClientOptions, string][] = [
    [{ clientNam: 'x' } as ClientOptions, 'did you mean "clientName"'],
    [{ redirect: 'http://app.test/cb' }, 'redirect'],
    [{ clientMetadataUrl: 'https://app.test/' }, 'clientMetadataUrl'],
    [{ clients: [{ clientId: 'x' } as never] }, 'clients[0].issuer'],
    [{ storage: {} as never }, 'storage'],
    [{ refreshAhead: 601 }, 'refreshAhead'],
    [{ scopes: ['a b'] }, 'scopes'],
  ]
  for (const [options, message] of wrong) expect(() => createClient(options)).toThrow(message)
})

describe('options that cannot work are refused at construction', () => {
  const key = {} as CryptoKey
  const clients: [Record<string, unknown>, string][] = [
    [{ authMethod: 'private_key_jwt' }, 'clients[0].privateKey'],
    [{ authMethod: 'client_secret_basic' }, 'clients[0].clientSecret'],
    [{ authMethod: 'client_secret_post' }, 'clients[0].clientSecret'],
    [{ authMethod: 'client_secret_jwt', clientSecret: 's' }, 'clients[0].authMethod'],
    [{ clientsecret: 's' }, 'clients[0].clientsecret'],
    [{ clientId: '' }, 'clients[0].clientId'],
    [{ issuer: 'as' }, 'clients[0].issuer'],
  ]
  test.each(clients)('clients: %j', (client, option) => {
    const all = { issuer, clientId: 'c', ...client } as never
    expect(() => createClient({ clients: [all] })).toThrow(expect.objectContaining({ option }))
  })
  test('clients that can work are not', () => {
    const good = [{ privateKey: key }, { clientSecret: 's' }, { authMethod: 'none' as const }, {}]
    for (const client of good) createClient({ clients: [{ issuer, clientId: 'c', ...client }] })
  })
  test('grants and redirects', () => {
    const idp = { tokenEndpoint: 'https://idp.test/token', clientId: 'c', idToken: () => 'x' }
    const wrong: (() => unknown)[] = [
      () => workloadIdentity({} as never),
      () => enterpriseManaged({ ...idp, tokenEndpoint: 'idp' }),
      () => enterpriseManaged({ ...idp, idToken: 'x' as never }),
      () => pasteRedirect({ uri: 'nonsense', ask: () => '' }),
      () => pasteRedirect({ uri: 'http://127.0.0.1/cb' } as never),
      () => createClient({ grant: 'client_credentials' as never }),
    ]
    for (const make of wrong) expect(make).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
  })
})

test('U13 a wrong name that resembles no right one leads to the right one', () => {
  const wrong: [object, string][] = [
    [
      { redirectUri: 'https://app.test/cb' },
      '`createClient.redirectUri` is not an option; did you mean "redirect"?',
    ],
    [{ store: {} }, 'did you mean "storage"?'],
    [{ userId: 'u' }, 'did you mean "subject"?'],
    [{ clientId: 'c' }, 'pass { issuer, clientId } in "clients"'],
    [{ resource: 'https://mcp.test/mcp' }, 'pass the URL to client.fetch()'],
    [{ connections: 1 }, 'is not an option; the nearest options are '],
  ]
  for (const [options, message] of wrong) expect(() => createClient(options)).toThrow(message)
  expect(() => pasteRedirect({ url: 'https://app.test/cb' } as never)).toThrow('did you mean "uri"?')
})

test('every public function checks its options by one grammar: what it must be, and the value', () => {
  const wrong: [() => unknown, string][] = [
    [() => createClient([] as never), '`createClient` must be an object such as { '],
    [
      () => createClient({ refreshAhead: 601 }),
      '`refreshAhead` must be a number of seconds from 0 to 600; got 601',
    ],
    [() => createClient({ maxStepUps: 1.5 }), '`maxStepUps` must be a whole number from 0 to 5; got 1.5'],
    [() => createClient({ redirect: 'http://app.test/cb' }), 'got "http://app.test/cb"'],
    [
      () => createClient({ dpop: 'yes' as never }),
      '`dpop` must be true, false or a CryptoKeyPair; got "yes"',
    ],
    [
      () => createClient({ providers: [{} as never] }),
      '`providers[0].issuer` must be a non-empty string; it is required',
    ],
    [() => createClient({ onError: 'log' as never }), '`onError` must be a function; got "log"'],
    [() => memoryStorage({ clock: 1 as never }), '`clock` must be a function; got 1'],
    [
      () => storeStorage(memoryStore(), { secret: 'short' }),
      '`secret` must be a random secret of at least 32 bytes',
    ],
    [() => workloadIdentity({ assertion: 'jwt' as never }), '`assertion` must be a function; got "jwt"'],
    [() => credentialsFromEnvironment({}, { prefx: 'X_' } as never), 'did you mean "prefix"?'],
    [() => pasteRedirect({ uri: 'nonsense', ask: () => '' }), '`uri` must be the redirect URI: https'],
  ]
  for (const [work, message] of wrong) expect(work).toThrow(message)
})

test('a secret in a wrong place stands in no message', () => {
  const wrong = { issuer, clientId: 'c', clientSecret: 7 as never, privateKey: 'private-text' as never }
  for (const name of ['clientSecret', 'privateKey'] as const)
    expect(() => createClient({ clients: [{ issuer, clientId: 'c', [name]: wrong[name] }] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('private-text') }),
    )
})
