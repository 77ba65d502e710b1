// Makes the tables that are not there: `npm run migrate`, as a role that may.
import { readFile } from 'node:fs/promises'
import { connect } from './database.ts'

const { POSTGRES_URL = 'postgres://localhost/postgres' } = process.env
const database = connect(POSTGRES_URL)
await database.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'))
await database.end()
