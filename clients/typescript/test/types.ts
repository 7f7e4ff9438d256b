// What must not compile: tsc fails where an error is expected and there is none.
import { eq } from 'drizzle-orm';
import {
    type AgentRequest,
    type ArgsOf,
    addDocument,
    type Db,
    type Document,
    type DocumentChunk,
    documents,
    type NewAgentRequest,
    type NewDocument,
    type NewDocumentChunk,
    type NewUserProfile,
    type ResultOf,
    recordUsage,
    searchChunks,
    sqlState,
    type UsageEvent,
    usageReport,
    withUser,
} from '../src/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

// What a row has.
same<Document['processingStatus'], 'pending' | 'processing' | 'completed' | 'failed'>(true);
same<AgentRequest['status'], 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled'>(true);
same<Document['id'], string>(true);
same<Document['contentText'], string | null>(true);
same<Document['fileSize'], bigint | null>(true);
same<Document['metadata'], Record<string, unknown>>(true);
same<Document['createdAt'], Date>(true);
same<DocumentChunk['headingPath'], string[]>(true);
same<DocumentChunk['contentHash'], Uint8Array | null>(true);
same<UsageEvent['tokensUsed'], bigint>(true);
same<UsageEvent['cost'], string>(true);
// @ts-expect-error
same<Document['fileSize'], number | null>(true);

// What an insert needs.
({ filename: 'a.md' }) satisfies NewDocument;
({ userId: 'x' }) satisfies NewUserProfile;
({ agentType: 'writer', content: 'x' }) satisfies NewAgentRequest;
// @ts-expect-error a file name is required
({}) satisfies NewDocument;
// @ts-expect-error a profile is a user's
({ name: 'Ada' }) satisfies NewUserProfile;
// @ts-expect-error a chunk is some document's
({ chunkIndex: 0, content: 'x' }) satisfies NewDocumentChunk;
// @ts-expect-error no such status
({ agentType: 'writer', content: 'x', status: 'done' }) satisfies NewAgentRequest;
// @ts-expect-error no such column
({ filename: 'a.md', file_name: 'a.md' }) satisfies NewDocument;
// @ts-expect-error not null
({ filename: null }) satisfies NewDocument;
// @ts-expect-error a number would lose digits
({ filename: 'a.md', fileSize: 70 }) satisfies NewDocument;

declare const db: Db;

// @ts-expect-error no such column
void db.select({ name: documents.name });
// @ts-expect-error no such column
void db.insert(documents).values({ filename: 'a.md', text: 'x' });
// @ts-expect-error a required column is missing
void db.insert(documents).values({ contentText: 'x' });
// @ts-expect-error no such status
void db.select().from(documents).where(eq(documents.processingStatus, 'done'));
// @ts-expect-error no such column
void db.update(documents).set({ title: 'x' });

// Functions.
same<ResultOf<typeof searchChunks>['sectionTitle'], string | null>(true);
same<ResultOf<typeof searchChunks>['score'], number>(true);
same<ResultOf<typeof addDocument>, string>(true);
same<ResultOf<typeof usageReport>['tokensUsed'], string>(true);
same<ArgsOf<typeof recordUsage>['tokensUsed'], bigint | null | undefined>(true);
void searchChunks(db, { query: 'herons' });
void addDocument(db, { filename: 'scan.pdf', contentText: null });
// @ts-expect-error the query is required
void searchChunks(db);
// @ts-expect-error the query is required
void searchChunks(db, { maxResults: 3 });
// @ts-expect-error arguments are named in camel case
void searchChunks(db, { query: 'herons', max_results: 3 });
// @ts-expect-error not null: the default is 10
void searchChunks(db, { query: 'herons', maxResults: null });
// @ts-expect-error the text is required, be it null
void addDocument(db, { filename: 'scan.pdf' });
// @ts-expect-error money is no float
void recordUsage(db, { eventType: 'agent_request', cost: 0.1 });
// @ts-expect-error tokens are bigints
void recordUsage(db, { eventType: 'agent_request', tokensUsed: 3 });
// @ts-expect-error no such column of the result
void searchChunks(db, { query: 'herons' }).then(([first]) => first?.title);
// @ts-expect-error there may be no first row
void searchChunks(db, { query: 'herons' }).then(([first]) => first.content);

// @ts-expect-error a user is named
void withUser(db, undefined, async () => {});
// @ts-expect-error the work is a promise, which the transaction waits for
void withUser(db, 'x', () => 1);
same<ReturnType<typeof sqlState>, string | undefined>(true);
