// Users sign in at GitHub.
import type { SignIn } from 'tollgate'
import { upstream } from 'tollgate/upstream'
import { readAllowed } from './allowed.ts'
import { createProvider } from './provider.ts'

export function createSignIn(): SignIn {
  const isAllowed = readAllowed()
  return upstream(createProvider(), {
    // Every other account is refused. A login can be given up and taken by another user; an id cannot.
    admit: ({ subject, claims }) => isAllowed(subject, claims['login']),
    // Set it to true if a tool calls GitHub with the user's own token: `auth.upstream()`.
    keepTokens: false,
  })
}
