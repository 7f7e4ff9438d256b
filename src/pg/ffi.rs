//! C functions and variables of the server, declared without pgrx's wrappers, each once.
//!
//! A Postgres error leaves these functions by a long jump. pgrx's wrappers turn the jump into a panic;
//! [`catch`](super::error::catch) turns it into an [`Error`](super::error::Error) at a fraction of the cost.
//! Call them only inside `catch`.

use pgrx::pg_sys;
use std::ffi::{c_char, c_int, c_long, c_void};

unsafe extern "C-unwind" {
    pub fn AcceptInvalidationMessages();
    pub fn AfterTriggerBeginQuery();
    pub fn AfterTriggerEndQuery(state: *mut pg_sys::EState);
    pub fn Async_Notify(channel: *const c_char, payload: *const c_char);
    pub fn BeginInternalSubTransaction(name: *const c_char);
    pub fn bms_free(set: *mut pg_sys::Bitmapset);
    pub fn bms_is_member(member: c_int, set: *const pg_sys::Bitmapset) -> bool;
    pub fn bms_next_member(set: *const pg_sys::Bitmapset, last: c_int) -> c_int;
    pub fn BufFileClose(file: *mut c_void);
    pub fn BufFileCreateTemp(inter_xact: bool) -> *mut c_void;
    pub fn BufFileRead(file: *mut c_void, bytes: *mut c_void, size: usize) -> usize;
    pub fn BufFileSeek(file: *mut c_void, part: c_int, offset: i64, whence: c_int) -> c_int;
    pub fn BufFileWrite(file: *mut c_void, bytes: *const c_void, size: usize);
    pub fn CacheInvalidateRelcacheByRelid(table: pg_sys::Oid);
    pub fn check_enable_rls(table: pg_sys::Oid, role: pg_sys::Oid, no_error: bool) -> c_int;
    pub fn CheckCmdReplicaIdentity(table: pg_sys::Relation, command: pg_sys::CmdType::Type);
    pub fn CommandCounterIncrement();
    pub fn CopyErrorData() -> *mut pg_sys::ErrorData;
    pub fn CreateExecutorState() -> *mut pg_sys::EState;
    pub fn CreateTemplateTupleDesc(count: c_int) -> pg_sys::TupleDesc;
    pub fn datum_image_eq(
        one: pg_sys::Datum,
        other: pg_sys::Datum,
        by_value: bool,
        length: c_int,
    ) -> bool;
    pub fn deconstruct_array(
        array: *mut pg_sys::ArrayType,
        kind: pg_sys::Oid,
        length: c_int,
        by_value: bool,
        alignment: c_char,
        elements: *mut *mut pg_sys::Datum,
        nulls: *mut *mut bool,
        count: *mut c_int,
    );
    pub fn detoast_attr_slice(
        value: *mut pg_sys::varlena,
        start: c_int,
        length: c_int,
    ) -> *mut pg_sys::varlena;
    pub fn detoast_external_attr(value: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
    pub fn DirectFunctionCall1Coll(
        function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn DirectFunctionCall2Coll(
        function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn errcode(sqlerrcode: c_int) -> c_int;
    pub fn errdetail(format: *const c_char, ...) -> c_int;
    pub fn errfinish(filename: *const c_char, line: c_int, function: *const c_char);
    pub fn errhidecontext(hides: bool) -> c_int;
    pub fn errhidestmt(hides: bool) -> c_int;
    pub fn errhint(format: *const c_char, ...) -> c_int;
    pub fn errmsg(format: *const c_char, ...) -> c_int;
    pub fn errstart(elevel: c_int, domain: *const c_char) -> bool;
    pub fn ExecARInsertTriggers(
        state: *mut pg_sys::EState,
        target: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        indexes: *mut pg_sys::List,
        transition: *mut pg_sys::TransitionCaptureState,
    );
    pub fn ExecCheckIndexConstraints(
        target: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        state: *mut pg_sys::EState,
        conflict: pg_sys::ItemPointer,
        #[cfg(feature = "pg18")] own: pg_sys::ItemPointer,
        arbiters: *mut pg_sys::List,
    ) -> bool;
    pub fn ExecCloseIndices(target: *mut pg_sys::ResultRelInfo);
    pub fn ExecCloseResultRelations(state: *mut pg_sys::EState);
    pub fn ExecDropSingleTupleTableSlot(slot: *mut pg_sys::TupleTableSlot);
    pub fn ExecInsertIndexTuples(
        target: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        state: *mut pg_sys::EState,
        is_update: bool,
        is_duplicate_no_error: bool,
        conflict: *mut bool,
        arbiters: *mut pg_sys::List,
        #[cfg(not(feature = "pg15"))] only_summarizing: bool,
    ) -> *mut pg_sys::List;
    pub fn ExecOpenIndices(target: *mut pg_sys::ResultRelInfo, is_speculative: bool);
    pub fn ExecResetTupleTable(slots: *mut pg_sys::List, is_freed: bool);
    pub fn ExecStoreHeapTuple(
        tuple: pg_sys::HeapTuple,
        slot: *mut pg_sys::TupleTableSlot,
        is_to_be_freed: bool,
    ) -> *mut pg_sys::TupleTableSlot;
    pub fn find_all_inheritors(
        table: pg_sys::Oid,
        lock: c_int,
        parents: *mut *mut pg_sys::List,
    ) -> *mut pg_sys::List;
    pub fn FlushErrorState();
    pub fn format_procedure(function: pg_sys::Oid) -> *const c_char;
    pub fn FormIndexDatum(
        index: *mut pg_sys::IndexInfo,
        slot: *mut pg_sys::TupleTableSlot,
        state: *mut pg_sys::EState,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    );
    pub fn FreeExecutorState(state: *mut pg_sys::EState);
    pub fn FunctionCall1Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn FunctionCall2Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn FunctionCall3Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn FunctionCall4Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> pg_sys::Datum;
    pub fn get_attname(
        relation: pg_sys::Oid,
        number: pg_sys::AttrNumber,
        missing_ok: bool,
    ) -> *const c_char;
    pub fn get_attnum(table: pg_sys::Oid, name: *const c_char) -> pg_sys::AttrNumber;
    pub fn get_element_type(kind: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_func_namespace(function: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_index_isvalid(index: pg_sys::Oid) -> bool;
    pub fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> pg_sys::Oid;
    pub fn get_rel_namespace(relation: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_rel_name(relation: pg_sys::Oid) -> *const c_char;
    pub fn get_relname_relid(name: *const c_char, schema: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_role_oid(name: *const c_char, missing_ok: bool) -> pg_sys::Oid;
    pub fn get_typtype(kind: pg_sys::Oid) -> c_char;
    pub fn GetActiveSnapshot() -> pg_sys::Snapshot;
    pub fn GetCurrentCommandId(used: bool) -> pg_sys::CommandId;
    pub fn GetCurrentTransactionId() -> pg_sys::TransactionId;
    pub fn GetLatestSnapshot() -> pg_sys::Snapshot;
    pub fn GetSysCacheOid(
        cache: c_int,
        column: i16,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> pg_sys::Oid;
    pub fn getTypeInputInfo(
        kind: pg_sys::Oid,
        function: *mut pg_sys::Oid,
        parameter: *mut pg_sys::Oid,
    );
    pub fn getTypeOutputInfo(kind: pg_sys::Oid, function: *mut pg_sys::Oid, is_varlena: *mut bool);
    pub fn GetUserNameFromId(role: pg_sys::Oid, missing_ok: bool) -> *const c_char;
    pub fn has_privs_of_role(member: pg_sys::Oid, role: pg_sys::Oid) -> bool;
    pub fn is_member_of_role(member: pg_sys::Oid, role: pg_sys::Oid) -> bool;
    pub fn heap_copytuple(tuple: pg_sys::HeapTuple) -> pg_sys::HeapTuple;
    pub fn heap_deform_tuple(
        tuple: pg_sys::HeapTuple,
        desc: pg_sys::TupleDesc,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    );
    pub fn heap_fetch(
        table: pg_sys::Relation,
        snapshot: pg_sys::Snapshot,
        tuple: pg_sys::HeapTuple,
        buffer: *mut pg_sys::Buffer,
        is_buffer_kept: bool,
    ) -> bool;
    pub fn heap_form_tuple(
        desc: pg_sys::TupleDesc,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    ) -> pg_sys::HeapTuple;
    pub fn heap_freetuple(tuple: pg_sys::HeapTuple);
    pub fn heap_get_latest_tid(scan: *mut pg_sys::TableScanDescData, tid: pg_sys::ItemPointer);
    pub fn heap_lock_tuple(
        table: pg_sys::Relation,
        tuple: pg_sys::HeapTuple,
        command: pg_sys::CommandId,
        mode: pg_sys::LockTupleMode::Type,
        wait: pg_sys::LockWaitPolicy::Type,
        is_update_followed: bool,
        buffer: *mut pg_sys::Buffer,
        failure: *mut pg_sys::TM_FailureData,
    ) -> pg_sys::TM_Result::Type;
    pub fn heap_modify_tuple_by_cols(
        tuple: pg_sys::HeapTuple,
        desc: pg_sys::TupleDesc,
        count: c_int,
        columns: *mut c_int,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    ) -> pg_sys::HeapTuple;
    pub fn heap_update(
        table: pg_sys::Relation,
        tid: pg_sys::ItemPointer,
        tuple: pg_sys::HeapTuple,
        command: pg_sys::CommandId,
        crosscheck: pg_sys::Snapshot,
        wait: bool,
        failure: *mut pg_sys::TM_FailureData,
        lock: *mut pg_sys::LockTupleMode::Type,
        #[cfg(not(feature = "pg15"))] indexes: *mut pg_sys::TU_UpdateIndexes::Type,
    ) -> pg_sys::TM_Result::Type;
    pub fn index_insert(
        index: pg_sys::Relation,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
        tid: pg_sys::ItemPointer,
        table: pg_sys::Relation,
        check: pg_sys::IndexUniqueCheck::Type,
        is_unchanged: bool,
        info: *mut pg_sys::IndexInfo,
    ) -> bool;
    pub fn index_rescan(
        scan: pg_sys::IndexScanDesc,
        keys: pg_sys::ScanKey,
        key_count: c_int,
        order_bys: pg_sys::ScanKey,
        order_by_count: c_int,
    );
    pub fn int8_numeric(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn IsInParallelMode() -> bool;
    pub fn jsonb_in(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn jsonb_out(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn JsonbIteratorInit(container: *mut pg_sys::JsonbContainer) -> *mut pg_sys::JsonbIterator;
    pub fn JsonbIteratorNext(
        iterator: *mut *mut pg_sys::JsonbIterator,
        value: *mut pg_sys::JsonbValue,
        skips_nested: bool,
    ) -> pg_sys::JsonbIteratorToken::Type;
    pub fn lappend_oid(list: *mut pg_sys::List, oid: pg_sys::Oid) -> *mut pg_sys::List;
    pub fn LockDatabaseObject(class: pg_sys::Oid, object: pg_sys::Oid, part: u16, mode: c_int);
    pub fn LockRelationOid(table: pg_sys::Oid, mode: c_int);
    pub fn lookup_ts_config_cache(config: pg_sys::Oid) -> *mut pg_sys::TSConfigCacheEntry;
    pub fn lookup_ts_dictionary_cache(
        dictionary: pg_sys::Oid,
    ) -> *mut pg_sys::TSDictionaryCacheEntry;
    pub fn lookup_ts_parser_cache(parser: pg_sys::Oid) -> *mut pg_sys::TSParserCacheEntry;
    pub fn make_tsvector(parsed: *mut pg_sys::ParsedText) -> *mut pg_sys::varlena;
    pub fn makeParamList(count: c_int) -> pg_sys::ParamListInfo;
    pub fn MakeSingleTupleTableSlot(
        desc: pg_sys::TupleDesc,
        kind: *const pg_sys::TupleTableSlotOps,
    ) -> *mut pg_sys::TupleTableSlot;
    pub fn MemoryContextReset(context: pg_sys::MemoryContext);
    pub fn numeric_add(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_cmp(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_int4(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_mul(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_out(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_round(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_trim_scale(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn numeric_uminus(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    pub fn OidInputFunctionCall(
        function: pg_sys::Oid,
        text: *const c_char,
        parameter: pg_sys::Oid,
        modifier: i32,
    ) -> pg_sys::Datum;
    pub fn OidOutputFunctionCall(function: pg_sys::Oid, value: pg_sys::Datum) -> *mut c_char;
    pub fn palloc(size: usize) -> *mut c_void;
    pub fn palloc0(size: usize) -> *mut c_void;
    pub fn parsetext(
        config: pg_sys::Oid,
        parsed: *mut pg_sys::ParsedText,
        text: *const c_char,
        length: c_int,
    );
    pub fn pg_detoast_datum(value: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
    pub fn pg_detoast_datum_packed(value: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
    pub fn pg_detoast_datum_slice(
        value: *mut pg_sys::varlena,
        first: c_int,
        count: c_int,
    ) -> *mut pg_sys::varlena;
    pub fn PreventCommandIfReadOnly(command: *const c_char);
    pub fn ProcessInterrupts();
    pub fn RegisterSnapshot(snapshot: pg_sys::Snapshot) -> pg_sys::Snapshot;
    pub fn RelationGetFKeyList(table: pg_sys::Relation) -> *mut pg_sys::List;
    pub fn RelationGetIndexAttrBitmap(
        table: pg_sys::Relation,
        kind: pg_sys::IndexAttrBitmapKind::Type,
    ) -> *mut pg_sys::Bitmapset;
    pub fn RelationGetNumberOfBlocksInFork(
        table: pg_sys::Relation,
        fork: pg_sys::ForkNumber::Type,
    ) -> pg_sys::BlockNumber;
    pub fn ReleaseBuffer(buffer: pg_sys::Buffer);
    pub fn ReleaseCurrentSubTransaction();
    pub fn ReleaseSysCache(tuple: pg_sys::HeapTuple);
    pub fn ReThrowError(error: *mut pg_sys::ErrorData) -> !;
    pub fn RollbackAndReleaseCurrentSubTransaction();
    pub fn ScanKeyEntryInitialize(
        entry: pg_sys::ScanKey,
        flags: c_int,
        column: pg_sys::AttrNumber,
        strategy: pg_sys::StrategyNumber,
        subtype: pg_sys::Oid,
        collation: pg_sys::Oid,
        function: pg_sys::RegProcedure,
        argument: pg_sys::Datum,
    );
    pub fn SearchSysCache1(cache: c_int, key: pg_sys::Datum) -> pg_sys::HeapTuple;
    pub fn SearchSysCacheExists(
        cache: c_int,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> bool;
    pub fn slot_getsomeattrs_int(slot: *mut pg_sys::TupleTableSlot, number: c_int);
    pub fn SpeculativeInsertionLockAcquire(transaction: pg_sys::TransactionId) -> u32;
    pub fn SpeculativeInsertionLockRelease(transaction: pg_sys::TransactionId);
    pub fn SPI_connect() -> c_int;
    pub fn SPI_execute(src: *const c_char, read_only: bool, count: c_long) -> c_int;
    pub fn SPI_execute_plan(
        plan: pg_sys::SPIPlanPtr,
        values: *const pg_sys::Datum,
        nulls: *const c_char,
        read_only: bool,
        count: c_long,
    ) -> c_int;
    pub fn SPI_execute_plan_extended(
        plan: pg_sys::SPIPlanPtr,
        options: *const pg_sys::SPIExecuteOptions,
    ) -> c_int;
    pub fn SPI_execute_snapshot(
        plan: pg_sys::SPIPlanPtr,
        values: *const pg_sys::Datum,
        nulls: *const c_char,
        snapshot: pg_sys::Snapshot,
        crosscheck: pg_sys::Snapshot,
        read_only: bool,
        fire_triggers: bool,
        count: c_long,
    ) -> c_int;
    pub fn SPI_finish() -> c_int;
    pub fn SPI_getbinval(
        row: pg_sys::HeapTuple,
        desc: pg_sys::TupleDesc,
        number: c_int,
        is_null: *mut bool,
    ) -> pg_sys::Datum;
    pub fn SPI_gettypeid(desc: pg_sys::TupleDesc, number: c_int) -> pg_sys::Oid;
    pub fn SPI_keepplan(plan: pg_sys::SPIPlanPtr) -> c_int;
    pub fn SPI_prepare(
        src: *const c_char,
        nargs: c_int,
        types: *mut pg_sys::Oid,
    ) -> pg_sys::SPIPlanPtr;
    pub fn SPI_register_relation(relation: pg_sys::EphemeralNamedRelation) -> c_int;
    pub fn SPI_register_trigger_data(trigger: *mut pg_sys::TriggerData) -> c_int;
    pub fn SPI_unregister_relation(name: *const c_char) -> c_int;
    pub fn standard_planner(
        query: *mut pg_sys::Query,
        text: *const c_char,
        options: c_int,
        arguments: pg_sys::ParamListInfo,
    ) -> *mut pg_sys::PlannedStmt;
    pub fn standard_ExecutorStart(query: *mut pg_sys::QueryDesc, flags: c_int);
    pub fn superuser_arg(role: pg_sys::Oid) -> bool;
    pub fn SysCacheGetAttr(
        cache: c_int,
        tuple: pg_sys::HeapTuple,
        number: pg_sys::AttrNumber,
        is_null: *mut bool,
    ) -> pg_sys::Datum;
    pub fn systable_beginscan(
        table: pg_sys::Relation,
        index: pg_sys::Oid,
        is_index_to_be_used: bool,
        snapshot: pg_sys::Snapshot,
        count: c_int,
        keys: pg_sys::ScanKey,
    ) -> pg_sys::SysScanDesc;
    pub fn systable_endscan(scan: pg_sys::SysScanDesc);
    pub fn systable_getnext(scan: pg_sys::SysScanDesc) -> pg_sys::HeapTuple;
    pub fn table_close(table: pg_sys::Relation, lock: c_int);
    pub fn table_open(table: pg_sys::Oid, lock: c_int) -> pg_sys::Relation;
    pub fn toast_compress_datum(value: pg_sys::Datum, method: c_char) -> pg_sys::Datum;
    pub fn toast_raw_datum_size(value: pg_sys::Datum) -> usize;
    pub static TTSOpsHeapTuple: pg_sys::TupleTableSlotOps;
    pub static TTSOpsMinimalTuple: pg_sys::TupleTableSlotOps;
    pub fn TupleDescInitEntry(
        desc: pg_sys::TupleDesc,
        number: pg_sys::AttrNumber,
        name: *const c_char,
        kind: pg_sys::Oid,
        modifier: i32,
        dimensions: c_int,
    );
    pub fn tuplestore_begin_heap(
        random_access: bool,
        beyond_transaction: bool,
        kilobytes: c_int,
    ) -> *mut pg_sys::Tuplestorestate;
    pub fn tuplestore_end(store: *mut pg_sys::Tuplestorestate);
    pub fn tuplestore_gettupleslot(
        state: *mut pg_sys::Tuplestorestate,
        forward: bool,
        copy: bool,
        slot: *mut pg_sys::TupleTableSlot,
    ) -> bool;
    pub fn tuplestore_putvalues(
        store: *mut pg_sys::Tuplestorestate,
        desc: pg_sys::TupleDesc,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    );
    pub fn tuplestore_rescan(state: *mut pg_sys::Tuplestorestate);
    pub fn UnregisterSnapshot(snapshot: pg_sys::Snapshot);
}
