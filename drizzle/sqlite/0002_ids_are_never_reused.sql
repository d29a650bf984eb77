-- This migration rebuilds `users`. While foreign keys are on, DROP TABLE also deletes what refers to the rows of the
-- table: sessions, members, reactions. A transaction cannot switch foreign keys off (the pragma is ignored inside one,
-- https://www.sqlite.org/pragma.html#pragma_foreign_keys), and the migrator has begun one. So this file ends that
-- transaction, which holds whole earlier migrations only, and begins one of its own, which the migrator commits.
COMMIT;
--> statement-breakpoint
PRAGMA foreign_keys = OFF;
--> statement-breakpoint
BEGIN;
--> statement-breakpoint
-- The first statement that writes to the file: nothing changes between the checks below.
CREATE TABLE `server` (
	`id` integer PRIMARY KEY NOT NULL,
	`epoch` text NOT NULL,
	`copied_at` integer,
	CONSTRAINT "server_has_one_row" CHECK(id = 1)
);
--> statement-breakpoint
CREATE TEMPORARY TABLE `migration_checks` (
	`foreign_keys` integer,
	`broken` integer,
	CONSTRAINT "foreign keys are off while tables are rebuilt" CHECK(foreign_keys = 0),
	CONSTRAINT "the migration breaks no reference" CHECK(broken = 0)
);
--> statement-breakpoint
INSERT INTO `migration_checks` (`foreign_keys`) SELECT foreign_keys FROM pragma_foreign_keys;
--> statement-breakpoint
CREATE TEMPORARY TABLE `broken_before` AS SELECT * FROM pragma_foreign_key_check;
--> statement-breakpoint
CREATE TABLE `__new_users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`username` text NOT NULL,
	`display_name` text NOT NULL,
	`password_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`display_name_folded` text,
	`data` text
);
--> statement-breakpoint
-- Of plain ASCII, lower() is the folded text. The server folds the rest.
INSERT INTO `__new_users` ("id", "username", "display_name", "password_hash", "created_at", "display_name_folded")
SELECT "id", "username", "display_name", "password_hash", "created_at",
	CASE WHEN length("display_name") = length(CAST("display_name" AS blob)) THEN lower("display_name") END
FROM `users`;
--> statement-breakpoint
DROP TABLE `users`;
--> statement-breakpoint
ALTER TABLE `__new_users` RENAME TO `users`;
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username_unique` ON `users` (`username`);
--> statement-breakpoint
CREATE INDEX `users_display_name_folded` ON `users` (`display_name_folded`,`username`);
--> statement-breakpoint
DELETE FROM sqlite_sequence WHERE name = 'users';
--> statement-breakpoint
-- New ids begin above every id that anything mentions: a user may have been deleted by hand. An id beyond 2^53 - 1 is
-- no user's, as JavaScript could not hold it.
INSERT INTO sqlite_sequence (name, seq)
SELECT 'users', coalesce(max(id), 0) FROM (
	SELECT id FROM `users`
	UNION ALL SELECT user_id FROM `sessions`
	UNION ALL SELECT user_id FROM `members`
	UNION ALL SELECT user_id FROM `reactions`
	UNION ALL SELECT created_by FROM `chats`
	UNION ALL SELECT CAST(direct_key AS integer) FROM `chats`
	UNION ALL SELECT CAST(substr(direct_key, instr(direct_key, ':') + 1) AS integer) FROM `chats`
	UNION ALL SELECT sender_id FROM `messages`
	UNION ALL SELECT json_extract(meta, '$.added_by') FROM `messages` WHERE json_valid(meta)
	UNION ALL SELECT json_extract(meta, '$.removed_by') FROM `messages` WHERE json_valid(meta)
) WHERE typeof(id) = 'integer' AND id < 9007199254740991;
--> statement-breakpoint
ALTER TABLE `chats` ADD `title_folded` text;
--> statement-breakpoint
ALTER TABLE `chats` ADD `data` text;
--> statement-breakpoint
UPDATE `chats` SET title_folded = lower(title) WHERE length(title) = length(CAST(title AS blob));
--> statement-breakpoint
CREATE INDEX `chats_public` ON `chats` (`id`) WHERE visibility = 'public';
--> statement-breakpoint
CREATE INDEX `chats_unfolded` ON `chats` (`id`) WHERE title_folded is null and title is not null;
--> statement-breakpoint
ALTER TABLE `messages` ADD `data` text;
--> statement-breakpoint
CREATE TABLE `__new_reactions` (
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	`emoji` text NOT NULL,
	`created_at` integer NOT NULL,
	`seq` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `message_id`, `user_id`, `emoji`),
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
-- Reactions came in the order of their rowid. Each moved its message to a new seq, so that the latest has that of the
-- message at most, the one before one less, and so on: all are below what the next reaction takes.
INSERT INTO `__new_reactions` ("rowid", "chat_id", "message_id", "user_id", "emoji", "created_at", "seq")
SELECT r.rowid, r.chat_id, r.message_id, r.user_id, r.emoji, r.created_at,
	coalesce((SELECT m.seq FROM `messages` m WHERE m.chat_id = r.chat_id AND m.id = r.message_id), 0)
	+ 1 - row_number() OVER (PARTITION BY r.chat_id, r.message_id ORDER BY r.rowid DESC)
FROM `reactions` r ORDER BY r.rowid;
--> statement-breakpoint
DROP TABLE `reactions`;
--> statement-breakpoint
ALTER TABLE `__new_reactions` RENAME TO `reactions`;
--> statement-breakpoint
INSERT INTO `migration_checks` (`broken`)
SELECT count(*) FROM (SELECT * FROM pragma_foreign_key_check EXCEPT SELECT * FROM `broken_before`);
--> statement-breakpoint
DROP TABLE `broken_before`;
--> statement-breakpoint
DROP TABLE `migration_checks`;
