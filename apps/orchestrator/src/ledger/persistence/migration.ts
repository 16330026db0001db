import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The books. What libs/ledger checks is checked again here by constraint: an entry balances per asset, touches one
 * owner and only that owner's wallets, is complete when it is committed, and is never changed.
 */
export class Ledger1795000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table journal_entry (
        id bigint generated always as identity primary key,
        reference text not null check (reference <> ''),
        -- more than 1 when a block came back after a reorg had taken it away
        generation int not null default 1 check (generation >= 1),
        owner text not null references owner (id),
        kind text not null,
        chain text,
        block_height int check (block_height >= 0),
        block_hash text,
        reverses bigint unique,
        posting_count smallint not null check (posting_count >= 2),
        created_at timestamptz not null default now(),
        unique (reference, generation),
        unique (id, owner),
        foreign key (reverses, owner) references journal_entry (id, owner),
        check ((kind = 'reversal') = (reverses is not null)),
        check (num_nulls(chain, block_height, block_hash) in (0, 3))
      );
      create index journal_entry_owner on journal_entry (owner, id);
      create index journal_entry_block on journal_entry (chain, block_hash);

      create table posting (
        entry bigint not null,
        position smallint not null,
        owner text not null,
        account text not null
          check (account in ('WALLET', 'PENDING', 'SUSPENSE', 'OUTSIDE', 'FEES', 'GAS_GIFT', 'UNEXPLAINED')),
        wallet text,
        asset text not null,
        amount numeric(78, 0) not null check (amount <> 0),
        primary key (entry, position),
        foreign key (entry, owner) references journal_entry (id, owner),
        foreign key (wallet, owner) references wallet (id, owner),
        check ((account in ('WALLET', 'PENDING', 'SUSPENSE')) = (wallet is not null))
      );
      create index posting_wallet on posting (wallet, owner, asset, account) include (amount) where wallet is not null;
      create index posting_owner on posting (owner, asset);

      create function assert_entry_complete(entry_id bigint) returns void language plpgsql as $$
      declare
        expected smallint := (select posting_count from journal_entry where id = entry_id);
        found bigint := (select count(*) from posting where entry = entry_id);
        off text := (select asset from posting where entry = entry_id group by asset having sum(amount) <> 0 limit 1);
      begin
        if found <> expected then
          raise exception 'journal entry % has % postings instead of %', entry_id, found, expected
            using errcode = 'check_violation';
        end if;
        if off is not null then
          raise exception 'journal entry % does not balance in %', entry_id, off using errcode = 'check_violation';
        end if;
      end $$;
      create function journal_entry_is_complete() returns trigger language plpgsql as $$
      begin perform assert_entry_complete(new.id); return null; end $$;
      create function posting_completes_entry() returns trigger language plpgsql as $$
      begin perform assert_entry_complete(new.entry); return null; end $$;
      create constraint trigger journal_entry_complete after insert on journal_entry
        deferrable initially deferred for each row execute function journal_entry_is_complete();
      -- a posting that is added to an older entry has it counted again, and refused
      create constraint trigger posting_complete after insert on posting
        deferrable initially deferred for each row execute function posting_completes_entry();

      create trigger journal_entry_written_once before update or delete or truncate on journal_entry
        for each statement execute function refuse_change();
      create trigger posting_written_once before update or delete or truncate on posting
        for each statement execute function refuse_change();

      create table wallet_freeze (
        wallet text primary key references wallet (id),
        reason text not null,
        incident text not null,
        at timestamptz not null default now()
      );

      create table reconciliation (
        id bigint generated always as identity primary key,
        at timestamptz not null,
        balanced boolean not null,
        report jsonb not null
      );
      create trigger reconciliation_written_once before update or delete or truncate on reconciliation
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table reconciliation, wallet_freeze, posting, journal_entry;
      drop function journal_entry_is_complete(), posting_completes_entry(), assert_entry_complete(bigint)`);
  }
}
