// Makes the tables that are not there: `npm run migrate`, as a role that may.
import { readFile } from 'node:fs/promises'
import { connect, explain } from './database.ts'

const { POSTGRES_URL = 'postgres://localhost/postgres' } = process.env
const database = connect(POSTGRES_URL)
try {
  await database.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'))
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}
await database.end()
