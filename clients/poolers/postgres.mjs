// postgres.js through PgBouncer in transaction mode: `prepare: false`, unless PgBouncer is 1.21 or newer and has
// max_prepared_statements set. Users by their ids: node postgres.mjs USER USER
import assert from 'node:assert/strict'
import postgres from '../typescript/node_modules/postgres/src/index.js'

const users = process.argv.slice(2)
const { PGHOST, PGDATABASE } = process.env
const sql = postgres({ host: PGHOST, database: PGDATABASE, user: 'authenticated', max: 10, prepare: false })

async function takeTurns(client) {
  for (let turn = 0; turn < 40; turn++) {
    const user = users[(client + turn) % users.length]
    const rows = await sql.begin(async tx => {
      await tx`select carrel.act_as(${user})`
      return tx`select distinct user_id from carrel.documents`
    })
    assert.deepEqual([...rows], [{ user_id: user }])
    const [nobodys] = await sql`select count(*)::int from carrel.documents`
    assert.equal(nobodys.count, 0)
  }
  return 40
}

const counts = await Promise.all(Array.from({ length: 10 }, (_, client) => takeTurns(client)))
console.log(counts.reduce((sum, count) => sum + count), 'transactions')
await sql.end()
