ALTER TABLE `chats` ADD `deleted_at` integer;--> statement-breakpoint
CREATE INDEX `chats_deleted` ON `chats` (`id`) WHERE deleted_at is not null;