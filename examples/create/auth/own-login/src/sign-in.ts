// Your application's own login. A user who is not signed in goes to `loginUrl`, which sends them back to the
// path in `return_to`.
import type { Identity, SignIn } from 'tollgate'
import { ownLogin } from 'tollgate/authorization-server'
import { env } from './host.ts'
import { isOnThisMachine } from './settings.ts'

export const createSignIn = (): SignIn =>
  ownLogin({ identify: (request) => userOf(request), loginUrl: '/login' })

/** The user of the session that `request` carries. Put your application's session in its place. */
async function userOf(_request: Request): Promise<Identity | undefined> {
  // Until then DEV_USER is signed in without any proof, on this machine only.
  const name = env['DEV_USER']
  if (!isOnThisMachine || !name)
    throw new Error('Read your session in src/sign-in.ts. DEV_USER works on this machine only.')
  return { subject: name, name }
}
