import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The registry: who owns what, for ever. Rows follow from charter entries and are never changed. */
export class Registry1795000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table owner (
        id text primary key,
        estate text not null check (estate in ('CLIENT', 'HOUSE', 'SUSPENSE')),
        name text not null,
        unique (id, estate)
      );
      create table wallet (
        id text primary key,
        owner text not null,
        estate text not null,
        chain text not null,
        kind text not null check (kind in ('bitcoin-multisig', 'safe', 'gas-payer')),
        spec jsonb not null,
        unique (id, owner),
        foreign key (owner, estate) references owner (id, estate)
      );
      create index wallet_owner on wallet (owner, estate);

      -- address_key: the address in lower case where case means nothing
      create table managed_address (
        chain text not null,
        address_key text not null,
        address text not null,
        wallet text,
        owner text not null,
        estate text not null,
        branch smallint,
        idx int,
        issued_at timestamptz,
        primary key (chain, address_key),
        unique (wallet, branch, idx),
        foreign key (owner, estate) references owner (id, estate),
        foreign key (wallet, owner) references wallet (id, owner)
      );
      create index managed_address_owner on managed_address (owner, estate);
      create index managed_address_wallet on managed_address (wallet, owner);

      create function refuse_reassignment() returns trigger language plpgsql as $$
      begin
        if tg_op = 'UPDATE' and old.issued_at is null and new.issued_at is not null
           and (to_jsonb(new) - 'issued_at') = (to_jsonb(old) - 'issued_at') then
          return new;
        end if;
        raise exception '% of managed_address is refused: an address has one owner for ever', tg_op
          using errcode = 'restrict_violation';
      end $$;
      create trigger managed_address_fixed before update or delete on managed_address
        for each row execute function refuse_reassignment();
      create trigger managed_address_not_truncated before truncate on managed_address
        for each statement execute function refuse_change();
      create trigger owner_fixed before update or delete on owner for each row execute function refuse_change();
      create trigger wallet_fixed before update or delete on wallet for each row execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table managed_address; drop table wallet; drop table owner; drop function refuse_reassignment()',
    );
  }
}
