// What a new user runs into is told here, too.
import './client-node-trouble.test.ts'
