// The application's own users and sessions, by better-auth.
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import type { Identity } from 'tollgate'
import { PUBLIC_URL, secret, shared } from './shared.ts'

export const auth = shared('auth', () =>
  betterAuth({
    baseURL: PUBLIC_URL,
    secret: secret('BETTER_AUTH_SECRET'),
    // Users and sessions end with the process. An application has a database here.
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
  }),
)

/** The user of the session, for Tollgate: whose grant it will be, and since when the user is signed in. */
export async function identify({ headers }: { headers: Headers }): Promise<Identity | undefined> {
  const found = await auth().api.getSession({ headers })
  if (found === null) return undefined
  const { user, session } = found
  // The id and not the email address, which can change hands (account linking).
  return { subject: user.id, name: user.email, authTime: Math.floor(session.createdAt.getTime() / 1000) }
}
