CREATE SEQUENCE entry_id_seq;;
CREATE TABLE currency (
	code VARCHAR COLLATE "C" NOT NULL,
	exponent BIGINT NOT NULL,
	active BIGINT NOT NULL,
	CONSTRAINT pk_currency PRIMARY KEY (code),
	CONSTRAINT ck_currency_exponent_sane CHECK (exponent BETWEEN 0 AND 4),
	CONSTRAINT ck_currency_active_flag CHECK (active IN (0, 1))
);;
CREATE TABLE person (
	id VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT ck_person_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z')
);;
CREATE TABLE fund (
	id VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	title VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_fund PRIMARY KEY (id),
	CONSTRAINT ck_fund_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_fund_currency FOREIGN KEY(currency) REFERENCES currency (code)
);;
CREATE TABLE person_role (
	person_id VARCHAR COLLATE "C" NOT NULL,
	role VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	granted_at VARCHAR COLLATE "C" NOT NULL,
	revoked_at VARCHAR COLLATE "C",
	CONSTRAINT pk_person_role PRIMARY KEY (person_id, role, merchant_id, granted_at),
	CONSTRAINT ck_person_role_role_known CHECK (role IN ('operator', 'finance', 'merchant', 'auditor')),
	CONSTRAINT ck_person_role_merchant_named CHECK ((role = 'merchant') = (merchant_id <> '')),
	CONSTRAINT ck_person_role_granted_at_instant CHECK (granted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_person_role_revoked_at_instant CHECK (revoked_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_person_role_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);;
CREATE TABLE api_key (
	id VARCHAR COLLATE "C" NOT NULL,
	person_id VARCHAR COLLATE "C" NOT NULL,
	key_hash VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	revoked_at VARCHAR COLLATE "C",
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_api_key_revoked_at_instant CHECK (revoked_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_api_key_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
);;
CREATE TABLE approval (
	id VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	content VARCHAR COLLATE "C" NOT NULL,
	content_hash VARCHAR COLLATE "C" NOT NULL,
	maker VARCHAR COLLATE "C" NOT NULL,
	votes_needed BIGINT NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_approval PRIMARY KEY (id),
	CONSTRAINT uq_approval_id_content_hash UNIQUE (id, content_hash),
	CONSTRAINT ck_approval_votes_needed_some CHECK (votes_needed BETWEEN 1 AND 5),
	CONSTRAINT ck_approval_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_approval_maker FOREIGN KEY(maker) REFERENCES person (id)
);;
CREATE TABLE audit (
	seq BIGINT NOT NULL,
	at VARCHAR COLLATE "C" NOT NULL,
	actor VARCHAR COLLATE "C" NOT NULL,
	via VARCHAR COLLATE "C" NOT NULL,
	verb VARCHAR COLLATE "C" NOT NULL,
	content VARCHAR COLLATE "C" NOT NULL,
	prev_hash VARCHAR COLLATE "C" NOT NULL,
	hash VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (seq),
	CONSTRAINT ck_audit_from_one CHECK (seq >= 1),
	CONSTRAINT ck_audit_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_audit_actor FOREIGN KEY(actor) REFERENCES person (id),
	CONSTRAINT uq_audit_prev_hash UNIQUE (prev_hash),
	CONSTRAINT uq_audit_hash UNIQUE (hash)
);;
CREATE TABLE run (
	id VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	input_hash VARCHAR COLLATE "C" NOT NULL,
	started_at VARCHAR COLLATE "C" NOT NULL,
	actor VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_run PRIMARY KEY (id),
	CONSTRAINT ck_run_started_at_instant CHECK (started_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_run_actor FOREIGN KEY(actor) REFERENCES person (id)
);;
CREATE TABLE beneficiary (
	id BIGSERIAL NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	iban VARCHAR COLLATE "C" NOT NULL,
	bic VARCHAR COLLATE "C" NOT NULL,
	fingerprint VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	actor VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_beneficiary PRIMARY KEY (id),
	CONSTRAINT uq_beneficiary_id_fingerprint UNIQUE (id, fingerprint),
	CONSTRAINT ck_beneficiary_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_beneficiary_actor FOREIGN KEY(actor) REFERENCES person (id)
);;
CREATE INDEX ix_beneficiary_merchant_id ON beneficiary (merchant_id);;
CREATE TABLE dispute (
	id VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	about VARCHAR COLLATE "C" NOT NULL,
	said VARCHAR COLLATE "C" NOT NULL,
	opened_by VARCHAR COLLATE "C" NOT NULL,
	opened_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_dispute PRIMARY KEY (id),
	CONSTRAINT ck_dispute_opened_at_instant CHECK (opened_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_dispute_opened_by FOREIGN KEY(opened_by) REFERENCES person (id)
);;
CREATE TABLE account (
	id BIGSERIAL NOT NULL,
	code VARCHAR COLLATE "C" NOT NULL,
	book VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C",
	fund_id VARCHAR COLLATE "C",
	currency VARCHAR COLLATE "C" NOT NULL,
	min_posted BIGINT,
	max_posted BIGINT,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT ck_account_book_known CHECK (book IN ('F', 'B')),
	CONSTRAINT ck_account_kind_known CHECK (kind IN ('accrued', 'ad_bonus', 'ad_bonus_cost', 'ad_credit', 'ads', 'authorized', 'available', 'bank', 'clawback', 'consumed', 'fee_credit', 'fees', 'hold', 'in_transit', 'incentive', 'payable', 'run_clearing', 'sponsor', 'writeoff')),
	CONSTRAINT ck_account_credit_bound CHECK (kind NOT IN ('accrued', 'payable', 'hold', 'fee_credit', 'in_transit', 'ad_credit', 'ad_bonus', 'sponsor') OR (max_posted IS NOT NULL AND max_posted = 0)),
	CONSTRAINT ck_account_debit_bound CHECK (kind NOT IN ('clawback', 'available', 'consumed') OR (min_posted IS NOT NULL AND min_posted = 0)),
	CONSTRAINT ck_account_control_book CHECK ((book = 'B') = (kind IN ('authorized', 'available', 'consumed'))),
	CONSTRAINT uq_account_code UNIQUE (code)
);;
CREATE INDEX ix_account_fund_id ON account (fund_id) WHERE fund_id IS NOT NULL;;
CREATE INDEX ix_account_merchant_id ON account (merchant_id);;
CREATE TABLE approval_vote (
	approval_id VARCHAR COLLATE "C" NOT NULL,
	person_id VARCHAR COLLATE "C" NOT NULL,
	content_hash VARCHAR COLLATE "C" NOT NULL,
	via VARCHAR COLLATE "C" NOT NULL,
	voted_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_approval_vote PRIMARY KEY (approval_id, person_id),
	CONSTRAINT fk_approval_vote_approval_id_content_hash FOREIGN KEY(approval_id, content_hash) REFERENCES approval (id, content_hash),
	CONSTRAINT ck_approval_vote_by_a_person CHECK (via = 'person'),
	CONSTRAINT ck_approval_vote_voted_at_instant CHECK (voted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_approval_vote_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);;
CREATE TABLE period (
	id VARCHAR COLLATE "C" NOT NULL,
	starts_on VARCHAR COLLATE "C" NOT NULL,
	ends_on VARCHAR COLLATE "C" NOT NULL,
	status VARCHAR COLLATE "C" NOT NULL,
	closed_at VARCHAR COLLATE "C",
	close_head_hash VARCHAR COLLATE "C",
	approval_id VARCHAR COLLATE "C",
	CONSTRAINT pk_period PRIMARY KEY (id),
	CONSTRAINT ck_period_status_known CHECK (status IN ('open', 'closed')),
	CONSTRAINT ck_period_in_order CHECK (starts_on < ends_on),
	CONSTRAINT ck_period_closed_whole CHECK ((status = 'closed') = (closed_at IS NOT NULL) AND (status = 'closed') = (close_head_hash IS NOT NULL) AND (status = 'closed') = (approval_id IS NOT NULL)),
	CONSTRAINT ck_period_starts_on_day CHECK (starts_on LIKE '____-__-__'),
	CONSTRAINT ck_period_ends_on_day CHECK (ends_on LIKE '____-__-__'),
	CONSTRAINT ck_period_closed_at_instant CHECK (closed_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_period_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id)
);;
CREATE TABLE settlement (
	program_id VARCHAR COLLATE "C" NOT NULL,
	program_version VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	period VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	revision BIGINT NOT NULL,
	posted_earned BIGINT NOT NULL,
	posted_shares VARCHAR COLLATE "C" NOT NULL,
	unsettled BIGINT NOT NULL,
	settled_count BIGINT NOT NULL,
	fund_id VARCHAR COLLATE "C" NOT NULL,
	pays VARCHAR COLLATE "C" NOT NULL,
	matures_on VARCHAR COLLATE "C" NOT NULL,
	expires_on VARCHAR COLLATE "C" NOT NULL,
	last_run_id VARCHAR COLLATE "C" NOT NULL,
	last_input_hash VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_settlement PRIMARY KEY (program_id, program_version, merchant_id, period, currency),
	CONSTRAINT ck_settlement_pays_known CHECK (pays IN ('cash', 'ad_credit', 'fee_offset')),
	CONSTRAINT ck_settlement_unsettled_bound CHECK (unsettled >= 0),
	CONSTRAINT ck_settlement_revision_some CHECK (revision >= 1)
);;
CREATE INDEX ix_settlement_due ON settlement (matures_on) WHERE unsettled > 0;;
CREATE INDEX ix_settlement_merchant_id ON settlement (merchant_id);;
CREATE TABLE credit_lot (
	id VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	fund_id VARCHAR COLLATE "C",
	cost_code VARCHAR COLLATE "C" NOT NULL,
	granted BIGINT NOT NULL,
	remaining BIGINT NOT NULL,
	expires_on VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_credit_lot PRIMARY KEY (id),
	CONSTRAINT ck_credit_lot_kind_known CHECK (kind IN ('ad_credit', 'ad_bonus')),
	CONSTRAINT ck_credit_lot_remaining_bound CHECK (remaining BETWEEN 0 AND granted),
	CONSTRAINT fk_credit_lot_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT fk_credit_lot_fund_id FOREIGN KEY(fund_id) REFERENCES fund (id)
);;
CREATE INDEX ix_credit_lot_merchant_id ON credit_lot (merchant_id);;
CREATE TABLE payout_batch (
	id VARCHAR COLLATE "C" NOT NULL,
	rail VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	approval_id VARCHAR COLLATE "C" NOT NULL,
	content_hash VARCHAR COLLATE "C" NOT NULL,
	payees_hash VARCHAR COLLATE "C" NOT NULL,
	total BIGINT NOT NULL,
	count BIGINT NOT NULL,
	maker VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_payout_batch PRIMARY KEY (id),
	CONSTRAINT ck_payout_batch_count_some CHECK (count >= 1),
	CONSTRAINT ck_payout_batch_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_payout_batch_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT uq_payout_batch_approval_id UNIQUE (approval_id),
	CONSTRAINT fk_payout_batch_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id),
	CONSTRAINT fk_payout_batch_maker FOREIGN KEY(maker) REFERENCES person (id)
);;
CREATE TABLE balance (
	account_id BIGINT NOT NULL,
	posted BIGINT NOT NULL,
	version BIGINT NOT NULL,
	min_posted BIGINT,
	max_posted BIGINT,
	last_entry_id BIGINT,
	CONSTRAINT pk_balance PRIMARY KEY (account_id),
	CONSTRAINT ck_balance_not_below CHECK (min_posted IS NULL OR posted >= min_posted),
	CONSTRAINT ck_balance_not_above CHECK (max_posted IS NULL OR posted <= max_posted)
)
 WITH (fillfactor = 50);;
CREATE TABLE entry (
	id BIGINT NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	idempotency_key VARCHAR COLLATE "C" NOT NULL,
	payload_hash VARCHAR COLLATE "C" NOT NULL,
	period_id VARCHAR COLLATE "C" NOT NULL,
	origin VARCHAR COLLATE "C" NOT NULL,
	effective_on VARCHAR COLLATE "C" NOT NULL,
	posted_at VARCHAR COLLATE "C" NOT NULL,
	source_type VARCHAR COLLATE "C" NOT NULL,
	source_id VARCHAR COLLATE "C" NOT NULL,
	reverses_entry_id BIGINT,
	actor VARCHAR COLLATE "C" NOT NULL,
	via VARCHAR COLLATE "C" NOT NULL,
	approval_id VARCHAR COLLATE "C",
	posting_count BIGINT NOT NULL,
	content_version BIGINT NOT NULL,
	content_hash VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_entry PRIMARY KEY (id),
	CONSTRAINT ck_entry_postings_some CHECK (posting_count >= 2),
	CONSTRAINT ck_entry_four_eyes CHECK (kind NOT IN ('fund', 'transfer', 'adjust') OR approval_id IS NOT NULL),
	CONSTRAINT ck_entry_effective_on_day CHECK (effective_on LIKE '____-__-__'),
	CONSTRAINT ck_entry_posted_at_instant CHECK (posted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT uq_entry_idempotency_key UNIQUE (idempotency_key)
);;
CREATE UNIQUE INDEX uq_entry_approval_id ON entry (approval_id) WHERE approval_id IS NOT NULL;;
CREATE UNIQUE INDEX uq_entry_reverses_entry_id ON entry (reverses_entry_id) WHERE reverses_entry_id IS NOT NULL;;
CREATE TABLE statement (
	id VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	period_id VARCHAR COLLATE "C" NOT NULL,
	opening BIGINT NOT NULL,
	closing BIGINT NOT NULL,
	content_hash VARCHAR COLLATE "C" NOT NULL,
	published_at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_statement PRIMARY KEY (id),
	CONSTRAINT uq_statement_merchant_id_currency_period_id UNIQUE (merchant_id, currency, period_id),
	CONSTRAINT ck_statement_published_at_instant CHECK (published_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_statement_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT fk_statement_period_id FOREIGN KEY(period_id) REFERENCES period (id)
);;
CREATE TABLE posting (
	entry_id BIGINT NOT NULL,
	line_no BIGINT NOT NULL,
	of_lines BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	book VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (entry_id, line_no),
	CONSTRAINT uq_posting_account_id_entry_id UNIQUE (account_id, entry_id),
	CONSTRAINT ck_posting_line_of_lines CHECK (line_no BETWEEN 1 AND of_lines),
	CONSTRAINT ck_posting_amount_some CHECK (amount <> 0)
);;
CREATE TABLE seal (
	seq BIGINT NOT NULL,
	entry_id BIGINT NOT NULL,
	prev_hash VARCHAR COLLATE "C" NOT NULL,
	hash VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_seal PRIMARY KEY (seq),
	CONSTRAINT ck_seal_from_one CHECK (seq >= 1),
	CONSTRAINT uq_seal_entry_id UNIQUE (entry_id)
);;
CREATE TABLE payout (
	id VARCHAR COLLATE "C" NOT NULL,
	batch_id VARCHAR COLLATE "C" NOT NULL,
	merchant_id VARCHAR COLLATE "C" NOT NULL,
	currency VARCHAR COLLATE "C" NOT NULL,
	amount BIGINT NOT NULL,
	rail VARCHAR COLLATE "C" NOT NULL,
	rail_number VARCHAR COLLATE "C" NOT NULL,
	beneficiary_id BIGINT NOT NULL,
	beneficiary_fingerprint VARCHAR COLLATE "C" NOT NULL,
	status VARCHAR COLLATE "C" NOT NULL,
	reserve_entry_id BIGINT,
	final_entry_id BIGINT,
	rail_reference VARCHAR COLLATE "C",
	retry_of VARCHAR COLLATE "C",
	maker VARCHAR COLLATE "C" NOT NULL,
	checker VARCHAR COLLATE "C",
	approved_hash VARCHAR COLLATE "C",
	CONSTRAINT pk_payout PRIMARY KEY (id),
	CONSTRAINT ck_payout_status_known CHECK (status IN ('proposed', 'approved', 'sending', 'sent', 'unknown', 'paid', 'failed', 'cancelled')),
	CONSTRAINT ck_payout_amount_some CHECK (amount > 0),
	CONSTRAINT ck_payout_four_eyes CHECK (checker IS NULL OR checker <> maker),
	CONSTRAINT ck_payout_approved_before_sent CHECK (status IN ('proposed', 'cancelled') OR (checker IS NOT NULL AND approved_hash IS NOT NULL AND reserve_entry_id IS NOT NULL)),
	CONSTRAINT ck_payout_final_entry CHECK ((status IN ('paid', 'failed')) = (final_entry_id IS NOT NULL)),
	CONSTRAINT fk_payout_batch_id FOREIGN KEY(batch_id) REFERENCES payout_batch (id),
	CONSTRAINT fk_payout_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT uq_payout_rail_number UNIQUE (rail_number),
	CONSTRAINT fk_payout_beneficiary_id FOREIGN KEY(beneficiary_id) REFERENCES beneficiary (id),
	CONSTRAINT uq_payout_reserve_entry_id UNIQUE (reserve_entry_id),
	CONSTRAINT fk_payout_reserve_entry_id FOREIGN KEY(reserve_entry_id) REFERENCES entry (id),
	CONSTRAINT uq_payout_final_entry_id UNIQUE (final_entry_id),
	CONSTRAINT fk_payout_final_entry_id FOREIGN KEY(final_entry_id) REFERENCES entry (id),
	CONSTRAINT uq_payout_retry_of UNIQUE (retry_of),
	CONSTRAINT fk_payout_retry_of FOREIGN KEY(retry_of) REFERENCES payout (id),
	CONSTRAINT fk_payout_maker FOREIGN KEY(maker) REFERENCES person (id),
	CONSTRAINT fk_payout_checker FOREIGN KEY(checker) REFERENCES person (id)
);;
CREATE INDEX ix_payout_batch_id ON payout (batch_id);;
CREATE UNIQUE INDEX uq_payout_live ON payout (merchant_id, currency) WHERE status IN ('proposed', 'approved', 'sending', 'sent', 'unknown');;
CREATE TABLE statement_line (
	statement_id VARCHAR COLLATE "C" NOT NULL,
	line_no BIGINT NOT NULL,
	entry_id BIGINT NOT NULL,
	account_kind VARCHAR COLLATE "C" NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT pk_statement_line PRIMARY KEY (statement_id, line_no),
	CONSTRAINT fk_statement_line_statement_id FOREIGN KEY(statement_id) REFERENCES statement (id),
	CONSTRAINT fk_statement_line_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
);;
CREATE TABLE dispute_answer (
	dispute_id VARCHAR COLLATE "C" NOT NULL,
	n BIGINT NOT NULL,
	outcome VARCHAR COLLATE "C" NOT NULL,
	said VARCHAR COLLATE "C" NOT NULL,
	actor VARCHAR COLLATE "C" NOT NULL,
	entry_id BIGINT,
	at VARCHAR COLLATE "C" NOT NULL,
	CONSTRAINT pk_dispute_answer PRIMARY KEY (dispute_id, n),
	CONSTRAINT ck_dispute_answer_outcome_known CHECK (outcome IN ('answered', 'corrected', 'rejected')),
	CONSTRAINT ck_dispute_answer_corrected_by_entry CHECK ((outcome = 'corrected') = (entry_id IS NOT NULL)),
	CONSTRAINT ck_dispute_answer_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_dispute_answer_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id),
	CONSTRAINT fk_dispute_answer_actor FOREIGN KEY(actor) REFERENCES person (id),
	CONSTRAINT fk_dispute_answer_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
);;
CREATE TABLE payout_attempt (
	payout_id VARCHAR COLLATE "C" NOT NULL,
	n BIGINT NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	at VARCHAR COLLATE "C" NOT NULL,
	content BYTEA NOT NULL,
	outcome VARCHAR COLLATE "C",
	CONSTRAINT pk_payout_attempt PRIMARY KEY (payout_id, n),
	CONSTRAINT ck_payout_attempt_kind_known CHECK (kind IN ('request', 'answer')),
	CONSTRAINT ck_payout_attempt_answer_has_outcome CHECK ((kind = 'answer') = (outcome IS NOT NULL)),
	CONSTRAINT ck_payout_attempt_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_payout_attempt_payout_id FOREIGN KEY(payout_id) REFERENCES payout (id)
);;
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);;
CREATE FUNCTION cogrow_append_only() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF true THEN RAISE EXCEPTION 'cogrow:append_only' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER currency_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON currency FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER fund_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fund FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER person_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON person FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER approval_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approval FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER approval_vote_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approval_vote FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER run_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON run FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER beneficiary_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON beneficiary FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER payout_batch_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_batch FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER payout_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_attempt FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER statement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER statement_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_line FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER dispute_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER dispute_answer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_answer FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER balance_append_only BEFORE DELETE OR TRUNCATE ON balance FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER period_append_only BEFORE DELETE OR TRUNCATE ON period FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER settlement_append_only BEFORE DELETE OR TRUNCATE ON settlement FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER credit_lot_append_only BEFORE DELETE OR TRUNCATE ON credit_lot FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER payout_append_only BEFORE DELETE OR TRUNCATE ON payout FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER person_role_append_only BEFORE DELETE OR TRUNCATE ON person_role FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE TRIGGER api_key_append_only BEFORE DELETE OR TRUNCATE ON api_key FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only();;
CREATE FUNCTION cogrow_account_opens() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN INSERT INTO balance (account_id, posted, version, min_posted, max_posted) SELECT id, 0, 0, min_posted, max_posted FROM arrived ORDER BY id; RETURN NULL; END $$;;
CREATE TRIGGER account_opens AFTER INSERT ON account REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_account_opens();;
CREATE FUNCTION cogrow_account_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.currency FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM currency p WHERE p.code = n.currency) AND n.currency IS NOT NULL) THEN RAISE EXCEPTION 'fk_account_currency' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.fund_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM fund p WHERE p.id = n.fund_id) AND n.fund_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_account_fund_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER account_refers_insert AFTER INSERT ON account REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_account_refers_insert();;
CREATE FUNCTION cogrow_settlement_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.currency FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM currency p WHERE p.code = n.currency) AND n.currency IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_currency' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.fund_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM fund p WHERE p.id = n.fund_id) AND n.fund_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_fund_id' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.last_run_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM run p WHERE p.id = n.last_run_id) AND n.last_run_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_last_run_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER settlement_refers_insert AFTER INSERT ON settlement REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_settlement_refers_insert();;
CREATE FUNCTION cogrow_settlement_refers_update() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.currency FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM currency p WHERE p.code = n.currency) AND n.currency IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_currency' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.fund_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM fund p WHERE p.id = n.fund_id) AND n.fund_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_fund_id' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.last_run_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM run p WHERE p.id = n.last_run_id) AND n.last_run_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_settlement_last_run_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER settlement_refers_update AFTER UPDATE ON settlement REFERENCING NEW TABLE AS arrived OLD TABLE AS left_behind FOR EACH STATEMENT EXECUTE FUNCTION cogrow_settlement_refers_update();;
CREATE FUNCTION cogrow_balance_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM account p WHERE p.id = n.account_id) AND n.account_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_balance_account_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER balance_refers_insert AFTER INSERT ON balance REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_balance_refers_insert();;
CREATE FUNCTION cogrow_entry_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.actor FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.id = n.actor) AND n.actor IS NOT NULL) THEN RAISE EXCEPTION 'fk_entry_actor' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.approval_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM approval p WHERE p.id = n.approval_id) AND n.approval_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_entry_approval_id' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM (SELECT DISTINCT r.period_id FROM arrived r) n WHERE NOT EXISTS (SELECT 1 FROM period p WHERE p.id = n.period_id) AND n.period_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_entry_period_id' USING ERRCODE = 'foreign_key_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM entry p WHERE p.id = n.reverses_entry_id) AND n.reverses_entry_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_entry_reverses_entry_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER entry_refers_insert AFTER INSERT ON entry REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_entry_refers_insert();;
CREATE FUNCTION cogrow_posting_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM account p WHERE p.id = n.account_id AND p.book = n.book AND p.currency = n.currency) AND n.account_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_posting_account_id_book_currency' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER posting_refers_insert AFTER INSERT ON posting REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_posting_refers_insert();;
CREATE FUNCTION cogrow_seal_refers_insert() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM entry p WHERE p.id = n.entry_id) AND n.entry_id IS NOT NULL) THEN RAISE EXCEPTION 'fk_seal_entry_id' USING ERRCODE = 'foreign_key_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER seal_refers_insert AFTER INSERT ON seal REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_seal_refers_insert();;
CREATE TABLE loose_end (what VARCHAR NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL);;
CREATE FUNCTION cogrow_loose_end() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET enable_hashjoin = on SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF NEW.what = 'posting' THEN IF EXISTS (SELECT 1 FROM posting p WHERE p.entry_id BETWEEN NEW.first AND NEW.last AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.id BETWEEN NEW.first AND NEW.last AND e.id = p.entry_id AND e.posting_count = p.of_lines)) THEN RAISE EXCEPTION 'fk_posting_entry_id_of_lines' USING ERRCODE = 'foreign_key_violation'; END IF; END IF; IF NEW.what = 'entry' THEN IF EXISTS (SELECT 1 FROM entry e WHERE e.id BETWEEN NEW.first AND NEW.last AND NOT EXISTS (SELECT 1 FROM seal s WHERE s.entry_id BETWEEN NEW.first AND NEW.last AND s.entry_id = e.id)) THEN RAISE EXCEPTION 'fk_entry_id' USING ERRCODE = 'foreign_key_violation'; END IF; END IF; DELETE FROM loose_end WHERE what = NEW.what AND first = NEW.first AND last = NEW.last; RETURN NULL; END $$;;
CREATE CONSTRAINT TRIGGER loose_end AFTER INSERT ON loose_end DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cogrow_loose_end();;
CREATE FUNCTION cogrow_loose_end_stays() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF true THEN RAISE EXCEPTION 'cogrow:append_only' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER loose_end_stays BEFORE UPDATE OR TRUNCATE ON loose_end FOR EACH STATEMENT EXECUTE FUNCTION cogrow_loose_end_stays();;
CREATE FUNCTION cogrow_posting_leaves_open() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN INSERT INTO loose_end SELECT 'posting', min(entry_id), max(entry_id) FROM arrived HAVING count(*) > 0; RETURN NULL; END $$;;
CREATE TRIGGER posting_leaves_open AFTER INSERT ON posting REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_posting_leaves_open();;
CREATE FUNCTION cogrow_entry_leaves_open() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN INSERT INTO loose_end SELECT 'entry', min(id), max(id) FROM arrived HAVING count(*) > 0; RETURN NULL; END $$;;
CREATE TRIGGER entry_leaves_open AFTER INSERT ON entry REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_entry_leaves_open();;
CREATE FUNCTION cogrow_posting_counts() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN UPDATE balance b SET posted = b.posted + d.amount, version = b.version + 1, last_entry_id = d.last FROM (SELECT account_id, sum(amount)::bigint AS amount, max(entry_id) AS last FROM arrived GROUP BY account_id ORDER BY account_id) d WHERE b.account_id = d.account_id; RETURN NULL; END $$;;
CREATE TRIGGER posting_counts AFTER INSERT ON posting REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_posting_counts();;
CREATE FUNCTION cogrow_balance_by_posting() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'cogrow:balance_by_posting' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER balance_by_posting BEFORE INSERT OR UPDATE ON balance FOR EACH STATEMENT EXECUTE FUNCTION cogrow_balance_by_posting();;
CREATE FUNCTION cogrow_entry_balances() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET enable_hashjoin = on SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT n.id, n.posting_count, count(p.entry_id) AS lines, sum(p.amount) AS total FROM arrived n LEFT JOIN posting p ON p.entry_id = n.id AND p.entry_id BETWEEN (SELECT min(id) FROM arrived) AND (SELECT max(id) FROM arrived) GROUP BY n.id, n.posting_count, p.book, p.currency) b GROUP BY b.id, b.posting_count HAVING max(abs(b.total)) <> 0 OR sum(b.lines) <> b.posting_count) THEN RAISE EXCEPTION 'cogrow:unbalanced' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER entry_balances AFTER INSERT ON entry REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_entry_balances();;
CREATE FUNCTION cogrow_entry_stands() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN PERFORM 1 FROM period d WHERE d.id IN (SELECT DISTINCT period_id FROM arrived) ORDER BY d.id FOR KEY SHARE; IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM period d WHERE d.id = n.period_id AND d.status = 'open')) THEN RAISE EXCEPTION 'cogrow:period_closed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE (n.kind = 'fund' OR n.kind = 'transfer' OR n.kind = 'adjust') AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.id = n.approval_id AND a.content_hash = n.payload_hash AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker))) THEN RAISE EXCEPTION 'cogrow:not_approved' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE n.reverses_entry_id IS NOT NULL AND EXISTS (SELECT 1 FROM posting p WHERE p.entry_id IN (n.id, n.reverses_entry_id) GROUP BY p.account_id HAVING sum(p.amount) <> 0)) THEN RAISE EXCEPTION 'cogrow:not_a_reversal' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER entry_stands AFTER INSERT ON entry REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_entry_stands();;
CREATE FUNCTION cogrow_vote_counts() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE EXISTS (SELECT 1 FROM approval a WHERE a.id = n.approval_id AND a.maker = n.person_id)) THEN RAISE EXCEPTION 'cogrow:own_proposal' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = n.person_id AND r.role = 'finance' AND r.revoked_at IS NULL)) THEN RAISE EXCEPTION 'cogrow:may_not_approve' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER vote_counts AFTER INSERT ON approval_vote REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_vote_counts();;
CREATE FUNCTION cogrow_payout_begins() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE n.status <> 'proposed') THEN RAISE EXCEPTION 'cogrow:payout_step' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE NOT EXISTS (SELECT 1 FROM beneficiary b WHERE b.id = n.beneficiary_id AND b.merchant_id = n.merchant_id AND b.fingerprint = n.beneficiary_fingerprint)) THEN RAISE EXCEPTION 'cogrow:wrong_beneficiary' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE n.retry_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payout q WHERE q.id = n.retry_of AND q.status = 'failed' AND q.merchant_id = n.merchant_id)) THEN RAISE EXCEPTION 'cogrow:still_live' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER payout_begins AFTER INSERT ON payout REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_payout_begins();;
CREATE FUNCTION cogrow_payout_moves() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF (SELECT count(*) FROM arrived n JOIN left_behind o USING (id)) <> (SELECT count(*) FROM left_behind) THEN RAISE EXCEPTION 'cogrow:payout_changed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.id <> o.id OR n.batch_id <> o.batch_id OR n.merchant_id <> o.merchant_id OR n.currency <> o.currency OR n.amount <> o.amount OR n.rail <> o.rail OR n.rail_number <> o.rail_number OR n.beneficiary_id <> o.beneficiary_id OR n.beneficiary_fingerprint <> o.beneficiary_fingerprint OR n.maker <> o.maker OR coalesce(n.retry_of, '') <> coalesce(o.retry_of, '') OR (o.approved_hash IS NOT NULL AND n.approved_hash <> o.approved_hash) OR (o.checker IS NOT NULL AND n.checker <> o.checker) OR (o.reserve_entry_id IS NOT NULL AND coalesce(n.reserve_entry_id, 0) <> o.reserve_entry_id)) THEN RAISE EXCEPTION 'cogrow:payout_changed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE (o.status || '>' || n.status) NOT IN ('proposed>approved', 'proposed>cancelled', 'approved>sending', 'approved>failed', 'sending>sent', 'sending>paid', 'sending>failed', 'sending>unknown', 'sent>paid', 'sent>failed', 'sent>unknown', 'unknown>paid', 'unknown>failed', 'unknown>sent', 'unknown>unknown', 'sent>sent')) THEN RAISE EXCEPTION 'cogrow:payout_step' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'approved' AND NOT EXISTS (SELECT 1 FROM payout_batch b JOIN approval a ON a.id = b.approval_id AND a.content_hash = b.content_hash WHERE b.id = n.batch_id AND b.content_hash = n.approved_hash AND EXISTS (SELECT 1 FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id = n.checker) AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker))) THEN RAISE EXCEPTION 'cogrow:not_approved' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'sending' AND EXISTS (SELECT 1 FROM beneficiary b WHERE b.merchant_id = n.merchant_id AND b.id > n.beneficiary_id)) THEN RAISE EXCEPTION 'cogrow:beneficiary_changed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'sending' AND NOT EXISTS (SELECT 1 FROM payout_attempt t WHERE t.payout_id = n.id AND t.kind = 'request')) THEN RAISE EXCEPTION 'cogrow:no_request' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'approved' AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c ON c.id = p.account_id WHERE p.entry_id = n.reserve_entry_id AND c.kind = 'payable' AND c.merchant_id = n.merchant_id AND p.currency = n.currency AND p.amount = n.amount)) THEN RAISE EXCEPTION 'cogrow:wrong_reserve' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.final_entry_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c ON c.id = p.account_id WHERE p.entry_id = n.final_entry_id AND p.amount = -n.amount AND p.currency = n.currency AND ((c.kind = 'bank' AND n.status = 'paid') OR (c.kind = 'payable' AND c.merchant_id = n.merchant_id AND n.status = 'failed')))) THEN RAISE EXCEPTION 'cogrow:wrong_final' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER payout_moves AFTER UPDATE ON payout REFERENCING NEW TABLE AS arrived OLD TABLE AS left_behind FOR EACH STATEMENT EXECUTE FUNCTION cogrow_payout_moves();;
CREATE FUNCTION cogrow_period_closes() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN PERFORM 1 FROM period d WHERE d.id IN (SELECT id FROM arrived) FOR UPDATE; IF (SELECT count(*) FROM arrived n JOIN left_behind o USING (id)) <> (SELECT count(*) FROM left_behind) THEN RAISE EXCEPTION 'cogrow:period_changed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE o.status = 'closed') THEN RAISE EXCEPTION 'cogrow:period_closed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.id <> o.id OR n.starts_on <> o.starts_on OR n.ends_on <> o.ends_on) THEN RAISE EXCEPTION 'cogrow:period_changed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'closed' AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.id = n.approval_id AND a.kind = 'close' AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker))) THEN RAISE EXCEPTION 'cogrow:not_approved' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'closed' AND EXISTS (SELECT 1 FROM period d WHERE d.status = 'open' AND d.starts_on < n.starts_on)) THEN RAISE EXCEPTION 'cogrow:period_order' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n JOIN left_behind o ON o.id = n.id WHERE n.status = 'closed' AND n.close_head_hash <> coalesce((SELECT s.hash FROM seal s ORDER BY s.seq DESC LIMIT 1), '')) THEN RAISE EXCEPTION 'cogrow:not_the_head' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER period_closes AFTER UPDATE ON period REFERENCING NEW TABLE AS arrived OLD TABLE AS left_behind FOR EACH STATEMENT EXECUTE FUNCTION cogrow_period_closes();;
CREATE FUNCTION cogrow_period_opens() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE n.status <> 'open') THEN RAISE EXCEPTION 'cogrow:period_closed' USING ERRCODE = 'check_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived n WHERE EXISTS (SELECT 1 FROM period d WHERE d.id <> n.id AND ((d.status = 'closed' AND d.ends_on > n.starts_on) OR (d.starts_on < n.ends_on AND d.ends_on > n.starts_on)))) THEN RAISE EXCEPTION 'cogrow:period_overlaps' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER period_opens AFTER INSERT ON period REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_period_opens();;
CREATE FUNCTION cogrow_seal_chained() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE n.seq > 1 AND NOT EXISTS (SELECT 1 FROM seal s WHERE s.seq = n.seq - 1 AND s.hash = n.prev_hash)) THEN RAISE EXCEPTION 'cogrow:chain_broken' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER seal_chained AFTER INSERT ON seal REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_seal_chained();;
CREATE FUNCTION cogrow_audit_chained() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off SET search_path FROM CURRENT AS $$ BEGIN IF EXISTS (SELECT 1 FROM arrived n WHERE n.seq > 1 AND NOT EXISTS (SELECT 1 FROM audit s WHERE s.seq = n.seq - 1 AND s.hash = n.prev_hash)) THEN RAISE EXCEPTION 'cogrow:chain_broken' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$;;
CREATE TRIGGER audit_chained AFTER INSERT ON audit REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION cogrow_audit_chained();;
INSERT INTO currency (code, exponent, active) VALUES ('AED', 2, 1), ('AUD', 2, 1), ('BHD', 3, 1), ('BRL', 2, 1), ('CAD', 2, 1), ('CHF', 2, 1), ('CLP', 0, 1), ('CNY', 2, 1), ('COP', 2, 1), ('CZK', 2, 1), ('DKK', 2, 1), ('EGP', 2, 1), ('EUR', 2, 1), ('GBP', 2, 1), ('HKD', 2, 1), ('HUF', 2, 1), ('IDR', 2, 1), ('ILS', 2, 1), ('INR', 2, 1), ('JOD', 3, 1), ('JPY', 0, 1), ('KES', 2, 1), ('KRW', 0, 1), ('KWD', 3, 1), ('KZT', 2, 1), ('MAD', 2, 1), ('MOP', 2, 1), ('MXN', 2, 1), ('MYR', 2, 1), ('NGN', 2, 1), ('NOK', 2, 1), ('NZD', 2, 1), ('OMR', 3, 1), ('PEN', 2, 1), ('PHP', 2, 1), ('PKR', 2, 1), ('PLN', 2, 1), ('QAR', 2, 1), ('RON', 2, 1), ('RUB', 2, 1), ('SAR', 2, 1), ('SEK', 2, 1), ('SGD', 2, 1), ('THB', 2, 1), ('TND', 3, 1), ('TRY', 2, 1), ('TWD', 2, 1), ('UAH', 2, 1), ('USD', 2, 1), ('VND', 0, 1), ('ZAR', 2, 1);;
