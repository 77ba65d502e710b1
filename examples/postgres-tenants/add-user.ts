// Adds a user, and the tenant if it is new, and prints the password:
// `npm run add-user -- acme alice [--read-only]`
import { randomBytes } from 'node:crypto'
import { addUser, connect } from './database.ts'

const [tenant, name, option] = process.argv.slice(2)
if (tenant === undefined || name === undefined || (option !== undefined && option !== '--read-only')) {
  console.error('npm run add-user -- <tenant> <user> [--read-only]')
  process.exit(2)
}
const password = randomBytes(18).toString('base64url')
const { POSTGRES_URL = 'postgres://localhost/postgres' } = process.env
const database = connect(POSTGRES_URL)
await addUser(database, { tenant, name, password, mayWrite: option === undefined })
await database.end()
console.log(password)
