// A table of the application's own.
import { pgTable, text, uuid } from 'drizzle-orm/pg-core';

export const bookmarks = pgTable('bookmarks', { id: uuid().primaryKey(), note: text() });
