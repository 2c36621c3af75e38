"""A stand-in for one Salesforce org: sign-in, REST, Bulk API 2.0, replication calls, and faults on demand."""
