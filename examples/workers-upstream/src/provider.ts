// Where users sign in: GitHub.
import { github } from 'tollgate/provider/github'
import { setting } from './settings.ts'

export const createProvider = () =>
  github({
    clientId: setting('GITHUB_CLIENT_ID'),
    clientSecret: setting('GITHUB_CLIENT_SECRET'),
  })
