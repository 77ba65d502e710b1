// Adds a user, and the tenant if it is new, and prints the password:
// `npm run add-user -- acme alice [--read-only] [--replace]`
import { randomBytes } from 'node:crypto'
import { addUser, connect, explain, replaceUser } from './database.ts'

const options = ['--read-only', '--replace']
const [tenant = '', name = '', ...given] = process.argv.slice(2)
if (tenant === '' || name === '' || given.some((each) => !options.includes(each)))
  refuse('npm run add-user -- <tenant> <user> [--read-only] [--replace]')
if (!/^[a-z0-9-]{1,40}$/.test(tenant))
  refuse(`The tenant is a part of URLs: up to 40 of a-z, 0-9 and "-"; got "${tenant}".`)

const password = randomBytes(18).toString('base64url')
const mayWrite = !given.includes('--read-only')
const { POSTGRES_URL = 'postgres://localhost/postgres' } = process.env
const database = connect(POSTGRES_URL)
const replace = given.includes('--replace')
const rights = mayWrite ? 'reads and writes' : 'reads only'
try {
  const done = await (replace ? replaceUser : addUser)(database, { tenant, name, password, mayWrite })
  if (done) {
    console.error(`${replace ? 'Changed' : 'Added'} ${name} of ${tenant}, who ${rights}. The password:`)
    console.log(password)
  } else {
    console.error(
      replace
        ? `There is no user ${name} of ${tenant}.`
        : `${name} of ${tenant} is there already, and is not changed: --replace gives another password and these rights.`,
    )
    process.exitCode = 1
  }
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}
await database.end()

function refuse(message: string): never {
  console.error(message)
  process.exit(2)
}
