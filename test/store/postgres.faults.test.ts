import { faultsSuite } from './faults.suite.ts'
import { postgresFaults } from './fault-servers.ts'

const url = process.env['POSTGRES_URL']!
faultsSuite('postgres', url, postgresFaults(url))
