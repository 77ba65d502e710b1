// Sign-in at an identity provider, from the MCP client's request to the tool.
import { describe, expect, test } from 'vitest'
import { RES_A } from '../support/as.ts'
import { expectRedirect } from '../support/pages.ts'
import { alice, UpstreamWorld } from '../support/upstream.ts'

describe('the whole way', () => {
  test('client, consent, provider, callback, code, tokens, tool', async () => {
    const world = new UpstreamWorld({ options: { admit: ({ name }) => ({ props: { login: name } }) } })
    const { access_token: token } = await world.tokens(await world.signIn())
    expect(await world.rig.call(token)).toBe(200)
    const [auth] = world.rig.seen
    expect(auth!.subject).toBe(`${world.idp.issuer}|${alice.sub}`)
    expect(auth!.props).toEqual({ login: 'Alice' })
    expect(auth!.resource.href).toBe(RES_A)
    expect(await auth!.upstream()).toMatchObject({ accessToken: 'upstream-access-0' })
  })

  test('CN10 the user declines: access_denied, without the provider’s text', async () => {
    const world = new UpstreamWorld()
    world.idp.login(undefined)
    const shown = await world.signIn()
    expectRedirect(shown, 'access_denied')
    expect(decodeURIComponent(shown.location!.href)).not.toContain('said no')
  })
})
