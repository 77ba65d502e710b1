// Users sign in at GitHub.
import type { SignIn } from 'tollgate'
import { upstream } from 'tollgate/upstream'
import { createProvider } from './provider.ts'
import { setting } from './settings.ts'

export function createSignIn(): SignIn {
  const allowed = setting('ALLOWED_USERS').split(/\s*,\s*/)
  return upstream(createProvider(), {
    // Every other account is refused. A login can be given up and taken by another user; an id cannot.
    admit: ({ subject, claims }) =>
      allowed.includes(`id:${subject}`) || allowed.includes(String(claims['login'])),
    // Set it to true if a tool calls GitHub with the user's own token: `auth.upstream()`.
    keepTokens: false,
  })
}
