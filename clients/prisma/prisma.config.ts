// Has `prisma db pull` read the database through node-postgres, so that no engine has to be downloaded. Where Prisma has
// its engine, nothing of this is needed.
import { PrismaPg } from '@prisma/adapter-pg'
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { defineConfig } from 'prisma/config'

const CHAR = 18, NAME = 19, TEXT = 25, CHARS = 1002

// The catalog has columns of types that the adapter doesn't know: "name" is as good as text; "char" takes the way of
// its array, which it does know, and is a character again below.
class CatalogPool extends pg.Pool {
  async query(...query: any[]): Promise<any> {
    const result = await (super.query as any)(...query)
    for (const field of result.fields) {
      if (field.dataTypeID === NAME) field.dataTypeID = TEXT
      if (field.dataTypeID === CHAR) field.dataTypeID = CHARS
    }
    return result
  }
}

async function adapter() {
  const factory = new PrismaPg(new CatalogPool({ connectionString: process.env.DATABASE_URL }))
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const connected = await connect()
    const queryRaw = connected.queryRaw.bind(connected)
    connected.queryRaw = async query => {
      const result = await queryRaw(query)
      const columnTypes = result.columnTypes.map(type =>
        type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type)
      return { ...result, columnTypes }
    }
    return connected
  }
  return factory
}

export default defineConfig({
  schema: 'pulled/schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter,
})
