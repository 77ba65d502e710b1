// What the data of single presets change: in requests to the provider, and in what is known of its users.
import { decodeJwt } from 'jose'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { expect, test } from 'vitest'
import { AuthorizationRequiredError, createClient } from '../../src/client/index.ts'
import { createResourceServer } from '../../src/index.ts'
import { entra } from '../../src/provider/entra.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { zitadel } from '../../src/provider/zitadel.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import type { Provider } from '../../src/types.ts'
import { tokenExchange } from '../../src/upstream/exchange.ts'
import type { UpstreamUser } from '../../src/upstream/index.ts'
import { passThrough } from '../../src/upstream/pass-through/pass-through.ts'
import { createWorld, nameServer, resource } from '../support/client-world.ts'
import { auth0Imitation } from '../support/providers/auth0.ts'
import { cognitoImitation } from '../support/providers/cognito.ts'
import { employee, entraImitation, tenantA } from '../support/providers/entra.ts'
import { githubImitation } from '../support/providers/github.ts'
import { googleImitation } from '../support/providers/google.ts'
import {
  alice,
  fetchOf,
  mallory,
  type ImitatedUser,
  type ProviderImitation,
} from '../support/providers/imitation.ts'
import { keycloakImitation } from '../support/providers/keycloak.ts'
import { oidcImitation } from '../support/providers/oidc.ts'
import { oktaImitation } from '../support/providers/okta.ts'
import { callback, expectCode, fails, signedIn, World } from '../support/providers/world.ts'

const github = (): ProviderImitation => githubImitation({ callback })
const google = (): ProviderImitation => googleImitation({ callback })
const cognito = (): ProviderImitation => cognitoImitation({ callback })
const okta = (): ProviderImitation => oktaImitation({ callback })
const microsoft = (): ProviderImitation => entraImitation({ callback })

/** A world whose user is signed in at the provider. */
function worldOf(idp: ProviderImitation, user: ImitatedUser = alice): World {
  idp.user = user
  return new World(idp)
}

test.each<[string, () => ProviderImitation, ImitatedUser, string]>([
  ['GitHub: the login', github, alice, 'alice'],
  ['Google: the address', google, alice, 'alice@example.com'],
  ['Google: the name, if the address is not verified', google, mallory, 'Alice Example'],
  ['Entra: the user principal name', microsoft, employee(tenantA), 'alice@contoso.example'],
  ['Okta: the login', okta, alice, 'alice@example.com'],
  ['Cognito: the user name, if the address is not verified', cognito, mallory, 'mallory'],
  ['Keycloak: the user name', () => keycloakImitation({ callback }), alice, 'alice'],
])('CN10 what users recognise the account by: %s', async (_, make, user, name) => {
  const seen: UpstreamUser[] = []
  await signedIn(make(), user, undefined, { admit: (each) => seen.push(each) > 0 })
  expect(seen.map((each) => each.name)).toEqual([name])
})

test.each<[string, () => ProviderImitation, ImitatedUser, string, string | null]>([
  ['GitHub', github, alice, 'select_account', 'select_account'],
  ['GitHub', github, alice, 'login', null],
  ['Google', google, alice, 'select_account', 'consent select_account'],
  ['Google', google, alice, 'login', 'consent'],
  ['Okta', okta, alice, 'select_account', null],
  ['Okta', okta, alice, 'login', 'login'],
])('OpenID Connect Core §3.1.2.1 %s: the client’s prompt', async (_, make, user, asked, sent) => {
  const world = worldOf(make(), user)
  await world.signIn({ prompt: asked })
  expect(world.asked.get('prompt')).toBe(sent)
})

test('CN10 GitHub takes the client’s hint as `login`', async () => {
  const world = worldOf(github())
  await world.signIn({ login_hint: 'alice' })
  expect(world.asked.get('login')).toBe('alice')
  expect(world.asked.has('login_hint')).toBe(false)
})

test('CN10 GitHub is asked for the user in the form of its API', async () => {
  const world = worldOf(github())
  await world.signIn()
  const asked = world.idp.requests.filter(({ url }) => url === 'https://api.github.com/user')
  expect(asked.map(({ headers }) => headers.get('accept'))).toEqual(['application/vnd.github+json'])
})

/** The provider signs ID tokens with an ES256 key, which its key set names. */
async function signWithES256(idp: ProviderImitation): Promise<ProviderImitation> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const header = { alg: 'ES256', kid: 'other' }
  const handle = idp.handle.bind(idp)
  idp.handle = async (request) => {
    const answer = await handle(request)
    if (request.url === idp.urls.jwks)
      return Response.json({ keys: [{ ...(await exportJWK(publicKey)), ...header, use: 'sig' }] })
    if (request.url !== idp.urls.token) return answer
    const tokens = (await answer.json()) as { id_token: string }
    const id_token = await new SignJWT(decodeJwt(tokens.id_token)).setProtectedHeader(header).sign(privateKey)
    return Response.json({ ...tokens, id_token })
  }
  return idp
}

test.each<[string, () => ProviderImitation, ImitatedUser?]>([
  ['Google', google],
  ['Entra', microsoft, employee(tenantA)],
  ['Okta', okta],
  ['Cognito', cognito],
  ['Auth0', () => auth0Imitation({ callback, api: 'https://api.test/' })],
])('CN10 RFC 8725 §3.1 %s: an ID token of an algorithm that it does not use', async (_, make, user) => {
  expect(await fails(worldOf(await signWithES256(make()), user))).toBe('server_error')
})

test('CN10 RFC 8725 §3.1 oidc(): the same ID token of the same key is accepted', async () => {
  expectCode(await worldOf(await signWithES256(oidcImitation({ callback }))).signIn())
})

test('RFC 7523 §3 Okta: an assertion of the client is for the token endpoint', async () => {
  const { privateKey } = await generateKeyPair('RS256')
  const idp = okta()
  idp.user = alice
  await new World(idp, idp.preset, { privateKey }).signIn()
  const { parameters } = idp.requests.find(({ url }) => url === idp.urls.token)!
  expect(decodeJwt(parameters.get('client_assertion')!).aud).toBe(idp.urls.token)
})

test.each<[string, () => ProviderImitation]>([
  ['GitHub', github],
  ['Google', google],
])('RFC 8707 %s knows no `resource`: a client sends none, and must name its servers', async (_, make) => {
  const { preset, client, urls } = make()
  const world = createWorld()
  nameServer(world, preset.issuer, client.id, {
    authorization_endpoint: urls.authorize,
    token_endpoint: urls.token,
  })
  const clientWith = (servers?: string[]): ReturnType<typeof createClient> =>
    createClient({
      fetch: world.fetch,
      clock: world.clock,
      redirect: 'https://app.test/callback',
      providers: [preset],
      clients: [{ issuer: preset.issuer, clientId: client.id, ...(servers && { servers }) }],
    })
  // Token redirection: a server that gets one could use it elsewhere.
  expect(() => clientWith()).toThrow('does not bind tokens to a resource')
  const error: unknown = await clientWith([resource])
    .fetch(resource)
    .catch((reason: unknown) => reason)
  const { url } = error as AuthorizationRequiredError
  expect(`${url.origin}${url.pathname}`).toBe(urls.authorize)
  expect(url.searchParams.has('resource')).toBe(false)
})

test('CN16 passThrough(entra()): the account page, since its consent page needs an administrator', async () => {
  const idp = microsoft()
  const preset = entra({ tenantId: tenantA, clientId: idp.client.id })
  const here = 'https://notes.example.com'
  const back = 'https://claude.ai/api/mcp/auth_callback'
  const as = passThrough(preset, {
    resource: `${here}/mcp`,
    redirectUris: [back],
    scopes: ['Notes.Read'],
    fetch: fetchOf(idp),
  })
  const request = new URL(`${here}/authorize`)
  request.search = new URLSearchParams({
    response_type: 'code',
    client_id: idp.client.id,
    redirect_uri: back,
    scope: 'Notes.Read',
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
  }).toString()
  const answer = await as.handle(new Request(request))
  expect(new URL(answer!.headers.get('location')!).searchParams.get('prompt')).toBe('select_account')
})

const client = { clientId: 'notes', clientSecret: 'hush' }

test.each<[string, Provider]>([
  ['Keycloak', keycloak({ url: 'https://id.example.com', realm: 'notes', ...client })],
  ['ZITADEL', zitadel({ url: 'https://notes.zitadel.cloud', ...client })],
])('CN16 RFC 8693 %s exchanges tokens, without being told how', async (_, preset) => {
  const forms: URLSearchParams[] = []
  const token = `${preset.issuer}/token`
  const exchange = tokenExchange(preset)
  const verify = () => ({ subject: 'alice', clientId: 'c', scopes: [] })
  const rs = createResourceServer({
    resource,
    authorizationServers: [customVerifier({ issuer: preset.issuer, verify })],
    exchange,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      if (request.method === 'GET')
        return Response.json({
          issuer: preset.issuer,
          authorization_endpoint: `${preset.issuer}/authorize`,
          token_endpoint: token,
          jwks_uri: `${preset.issuer}/keys`,
        })
      forms.push(new URLSearchParams(await request.text()))
      return Response.json({ access_token: 'other', token_type: 'Bearer', expires_in: 60 })
    },
  })
  const headers = { authorization: 'Bearer incoming' }
  const auth = await rs.authenticate(new Request(resource, { method: 'POST', headers }))
  if (auth instanceof Response) throw new Error(`refused: ${auth.status}`)
  expect((await auth.exchange({ resource: 'calendar' })).accessToken).toBe('other')
  expect(Object.fromEntries(forms[0]!)).toMatchObject({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'incoming',
    audience: 'calendar',
  })
})
