// Users' transactions with Prisma's client: node client.ts USER USER
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient, type Prisma } from './pulled/client/client.ts'

// Its statements have no names, so any pooler will do.
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })

/** All that `work` does is this user's, in one transaction. */
function asUser<T>(user: string, work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T> {
  return prisma.$transaction(async tx => {
    await tx.$executeRaw`select carrel.act_as(${user}::uuid)`
    return work(tx)
  })
}

const [user, other] = process.argv.slice(2)

const added = await asUser(user, tx =>
  tx.documents.create({
    data: { filename: 'tea.md', content_text: '# Green tea\n\nTwo minutes.', metadata: { shelf: 3 } },
    select: { id: true, user_id: true, processing_status: true },
  }))
console.log('added:', added.processing_status, added.user_id === user)

const found = await asUser(user, tx =>
  tx.documents.findMany({
    where: { metadata: { path: ['shelf'], equals: 3 } },
    select: { filename: true, document_chunks: { select: { section_title: true, content: true } } },
  }))
console.log('found:', JSON.stringify(found))

// Functions are called in SQL.
const hits = await asUser(user, tx => tx.$queryRaw<{ filename: string, snippet: string }[]>`
  select filename, snippet from carrel.search_chunks(${'how many minutes?'}, max_results => 1)`)
console.log('searched:', hits[0].filename)

const seen = await asUser(other, tx => tx.documents.findMany({ distinct: ['user_id'], select: { user_id: true } }))
console.log('the other sees their own:', seen.length === 1 && seen[0].user_id === other)
console.log('nobody sees:', await prisma.documents.count())

// The SQLSTATE is in what the driver says.
await asUser(user, tx => tx.$queryRaw`select * from carrel.search_chunks('tea', max_results => -1)`)
  .catch(error => console.log('refused:', error.code, error.message.match(/Code: `(\w+)`/)?.[1]))
await prisma.$disconnect()
