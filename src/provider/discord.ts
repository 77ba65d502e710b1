import { clientSecret, readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link discord}. */
export interface DiscordOptions extends Omit<OpaqueOptions, 'scopeClaims'> {
  /** The application's id. */
  clientId: string
}

/**
 * Discord. Tokens are opaque and name the application that asked for them: `introspectionVerifier(discord({
 * clientId }))`. The subject is known only with the scope `identify`.
 *
 * @see [Get current authorization
 * information](https://discord.com/developers/docs/topics/oauth2#get-current-authorization-information)
 */
export function discord(options: DiscordOptions): Provider {
  const credentials = readOptions('discord', options, {
    clientId: segment().required,
    clientSecret: clientSecret(),
  })
  const { clientId } = credentials
  const issuer = 'https://discord.com'
  return preset(
    {
      provider: 'discord',
      issuer,
      opaque: {
        issuer,
        endpoint: 'https://discord.com/api/oauth2/@me',
        style: 'discord-me',
        audience: { claim: 'client_id', equals: [clientId] },
        scopeClaims: ['scope'],
        clientIdClaims: ['client_id'],
      },
      client: {
        resource: 'omit',
        endpoints: {
          authorization: 'https://discord.com/oauth2/authorize',
          token: 'https://discord.com/api/oauth2/token',
          userinfo: 'https://discord.com/api/users/@me',
          revocation: 'https://discord.com/api/oauth2/token/revoke',
        },
      },
      signIn: {
        name: 'Discord',
        protocol: 'oauth2',
        scopes: ['identify'],
        subjectClaim: 'id',
        nameClaims: ['global_name', 'username'],
        prompts: ['none'],
        revocationEndsAll: true,
      },
    },
    credentials,
  )
}
